//! One operation of a generated client, without its types.

use std::{fmt, future::Future, pin::Pin};

use runpod_api::{ByteStream, Failure, ResponseValue};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Given;

type Done = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;
type Check = fn(&str) -> Result<Read, String>;

/// The value that was read, and its malformed items.
pub(crate) struct Read {
    /// The value, written again.
    pub(crate) again: Value,
    /// Number of items that could not be read.
    pub(crate) odd: usize,
}

/// An operation: its call, and the types it sends and receives.
pub(crate) struct Operation<C: 'static> {
    pub(crate) id: &'static str,
    /// Reads an answer; streams have none.
    pub(crate) decode: Option<Check>,
    /// Reads a body that is to be sent.
    pub(crate) accept: Option<Check>,
    /// Makes the call; its value is written again.
    pub(crate) call: Box<dyn Fn(&'static C, &'static Given) -> Done + Send + Sync>,
}

impl<C> Operation<C> {
    pub(crate) fn value<T, F>(
        id: &'static str,
        method: impl Fn(&'static C, &'static Given) -> F + Send + Sync + 'static,
    ) -> Self
    where
        T: Serialize + DeserializeOwned + fmt::Debug + 'static,
        F: Future<Output = Result<ResponseValue<T>, Failure>> + Send + 'static,
    {
        let call = move |client, given| -> Done {
            let answer = method(client, given);
            Box::pin(async { Ok(written(&answer.await?.into_inner())) })
        };
        Self { id, decode: Some(read::<T>), accept: None, call: Box::new(call) }
    }

    pub(crate) fn value_with_body<T, B, F>(
        id: &'static str,
        method: impl Fn(&'static C, &'static Given, &'static B) -> F + Send + Sync + 'static,
    ) -> Self
    where
        T: Serialize + DeserializeOwned + fmt::Debug + 'static,
        B: Serialize + DeserializeOwned + fmt::Debug + Send + Sync + 'static,
        F: Future<Output = Result<ResponseValue<T>, Failure>> + Send + 'static,
    {
        let operation =
            Self::value(id, move |client, given: &'static Given| method(client, given, given.body()));
        Self { accept: Some(read::<B>), ..operation }
    }

    pub(crate) fn stream<F>(
        id: &'static str,
        method: impl Fn(&'static C, &'static Given) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<ResponseValue<ByteStream>, Failure>> + Send + 'static,
    {
        let call = move |client, given| -> Done {
            let answer = method(client, given);
            Box::pin(async {
                use futures_util::TryStreamExt as _;

                let parts: Vec<_> = answer.await?.into_inner().try_collect().await?;
                Ok(Value::from(String::from_utf8_lossy(&parts.concat()).into_owned()))
            })
        };
        Self { id, decode: None, accept: None, call: Box::new(call) }
    }
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("what was read can be written")
}

fn read<T: Serialize + DeserializeOwned + fmt::Debug>(json: &str) -> Result<Read, String> {
    let value: T = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(Read { odd: format!("{value:?}").matches("MalformedItem(").count(), again: written(&value) })
}
