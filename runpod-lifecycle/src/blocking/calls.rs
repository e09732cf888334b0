//! Blocking methods beside the async ones, and their errors where they are refused.

use crate::{DeployError, Error, ScopeError, VolumeError};

/// An error that can say that its call was refused where async code runs.
pub(super) trait Refused {
    /// The call was refused.
    fn refused(error: Error) -> Self;
}

impl Refused for Error {
    fn refused(error: Error) -> Self {
        error
    }
}

impl Refused for DeployError {
    fn refused(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Refused for VolumeError {
    fn refused(error: Error) -> Self {
        Self::Call(error)
    }
}

impl<T, E> Refused for ScopeError<T, E> {
    fn refused(error: Error) -> Self {
        Self::Deploy(DeployError::Refused(error))
    }
}

/// Writes blocking methods that call the async ones of the same names.
macro_rules! calls {
    ($of:literal: $($name:ident($($arg:ident: $type:ty),*) -> $value:ty, $error:ty;)*) => { $(
        #[doc = concat!(
            "Blocks until [`", $of, "::", stringify!($name), "`](crate::", $of, "::", stringify!($name), ") is over."
        )]
        ///
        /// # Errors
        /// As there, and [where async code runs](crate::blocking#errors).
        ///
        /// # Cancellation
        /// [Only the end of the process](crate::blocking#cancellation) ends it early.
        pub fn $name(&self, $($arg: $type),*) -> Result<$value, $error> {
            let call = self.0.$name($($arg),*);
            $crate::blocking::runtime::block(stringify!($name), call).map_err(<$error>::refused)?.map(Into::into)
        }
    )* };
}

pub(super) use calls;
