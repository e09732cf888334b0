//! The certificates by which a server is trusted: Mozilla's roots or the operating system's, and the caller's beside
//! them. Nothing here turns verification off.
#![cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::BuildError;

/// The environment variable that names a file of certificates to be trusted besides.
const FILE_VARIABLE: &str = "SSL_CERT_FILE";
/// The environment variable that names folders of such files.
const FOLDER_VARIABLE: &str = "SSL_CERT_DIR";
/// The origin of certificates that the caller gave.
const GIVEN: &str = "add_root_certificate_pem";

/// A text with certificates, and its origin in words.
struct Bundle {
    origin: String,
    pem: Vec<u8>,
    /// Each certificate of it was chosen, so each must be usable. Of a machine's bundle a few may be odd.
    is_chosen: bool,
}

impl Bundle {
    /// The error of a text that does not hold what it should.
    fn refused(&self, problem: &'static str) -> BuildError {
        BuildError::Certificate { origin: self.origin.clone(), problem: problem.to_owned() }
    }
}

/// Everything that the caller gave.
fn given_bundles(given: &[Vec<u8>]) -> impl Iterator<Item = Bundle> {
    given.iter().map(|pem| Bundle { origin: GIVEN.to_owned(), pem: pem.clone(), is_chosen: true })
}

/// A file that the environment names, and its state when it was looked at.
#[derive(PartialEq, Eq)]
struct Named {
    variable: &'static str,
    path: PathBuf,
    state: State,
}

impl Named {
    fn bundle(&self) -> Result<Bundle, BuildError> {
        let origin = named(self.variable, &self.path);
        let pem = fs::read(&self.path).map_err(|error| unread(&origin, &error))?;
        Ok(Bundle { origin, pem, is_chosen: false })
    }
}

/// Everything by which a file that was written anew, replaced or removed shows.
#[derive(PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    changed: (u64, i64, i64),
}

impl State {
    fn of(about: &fs::Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: about.len(),
            modified: about.modified().ok(),
            #[cfg(unix)]
            changed: (about.ino(), about.ctime(), about.ctime_nsec()),
        }
    }
}

/// The files that the environment names. Others than plain ones are refused or, in a folder, passed over: reading a pipe
/// would never end.
fn named_files() -> Result<Vec<Named>, BuildError> {
    let mut files: Vec<Named> = Vec::new();
    if let Some(path) = variable(FILE_VARIABLE) {
        let path = PathBuf::from(path);
        let about = fs::metadata(&path).map_err(|error| unread(&named(FILE_VARIABLE, &path), &error))?;
        if !about.is_file() {
            let origin = named(FILE_VARIABLE, &path);
            return Err(BuildError::Certificate { origin, problem: NO_FILE.to_owned() });
        }
        files.push(Named { variable: FILE_VARIABLE, path, state: State::of(&about) });
    }
    for folder in variable(FOLDER_VARIABLE).iter().flat_map(std::env::split_paths) {
        files.extend(in_folder(&folder)?);
    }
    Ok(files)
}

fn in_folder(folder: &Path) -> Result<Vec<Named>, BuildError> {
    let unread = |error| unread(&named(FOLDER_VARIABLE, folder), &error);
    let mut files: Vec<Named> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if let Some(about) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) {
            files.push(Named { variable: FOLDER_VARIABLE, path, state: State::of(&about) });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Everything that the environment's files hold. Of a folder's files those without certificates are passed over: folders
/// have readmes and revocation lists too.
fn bundles(files: &[Named]) -> Result<Vec<Bundle>, BuildError> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for file in files {
        let bundle = file.bundle();
        if file.variable == FOLDER_VARIABLE {
            bundles.extend(bundle.ok().filter(|bundle| has_certificate(&bundle.pem)));
        } else {
            bundles.push(bundle?);
        }
    }
    Ok(bundles)
}

fn has_certificate(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// The file or folder that a variable of the environment names, in words.
fn named(variable: &str, path: &Path) -> String {
    format!("{variable} ({})", path.display())
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| value != OsStr::new(""))
}

fn unread(origin: &str, error: &std::io::Error) -> BuildError {
    BuildError::Certificate { origin: origin.to_owned(), problem: format!("cannot be read: {error}") }
}

const NO_PEM: &str = "holds no certificate in PEM form, a text that begins -----BEGIN CERTIFICATE-----";
const NO_FILE: &str = "is not a file";
const DAMAGED: &str = "holds PEM that cannot be read";
const UNUSABLE: &str = "holds a certificate that cannot be used";

#[cfg(feature = "rustls")]
pub(crate) use by_rustls::secured;

/// TLS by rustls, without touching the process's default provider.
#[cfg(feature = "rustls")]
mod by_rustls {
    use std::sync::{Arc, Mutex, PoisonError};

    use rustls::{
        ClientConfig, RootCertStore,
        client::WantsClientCert,
        crypto::CryptoProvider,
        pki_types::{CertificateDer, pem::PemObject},
    };

    use super::{Bundle, DAMAGED, NO_PEM, Named, UNUSABLE, bundles, given_bundles, named_files};
    use crate::BuildError;

    type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

    /// The environment's part as it was last read: a machine's bundle is hundreds of certificates, and a program may make
    /// many clients.
    static READ: Mutex<Option<(Vec<Named>, Trusted)>> = Mutex::new(None);

    pub(crate) fn secured(
        builder: reqwest::ClientBuilder,
        given: &[Vec<u8>],
        reads_environment: bool,
    ) -> Result<reqwest::ClientBuilder, BuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::Http(error.into()))?;
        let mut own = Vec::new();
        for bundle in given_bundles(given) {
            own.extend(usable(&bundle)?);
        }
        let named = if reads_environment { named()? } else { trusted(Vec::new()) };
        let config = trusting(config, named, own, provider)?.with_no_client_auth();
        Ok(builder.tls_backend_preconfigured(config))
    }

    /// Everything that the environment names, read anew if it names other files or one of them has changed.
    fn named() -> Result<Trusted, BuildError> {
        let files = named_files()?;
        let read = || READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, trusted)) = &*read()
            && *known == files
        {
            return Ok(trusted.clone());
        }
        let mut certificates = Vec::new();
        for bundle in bundles(&files)? {
            certificates.extend(usable(&bundle)?);
        }
        // A machine's file and folder hold the same.
        certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        certificates.dedup();
        let trusted = trusted(certificates);
        *read() = Some((files, trusted.clone()));
        Ok(trusted)
    }

    /// The certificates of a bundle that can be trusted.
    fn usable(bundle: &Bundle) -> Result<Vec<CertificateDer<'static>>, BuildError> {
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bundle.pem)
            .collect::<Result<_, _>>()
            .map_err(|_| bundle.refused(DAMAGED))?;
        if certificates.is_empty() {
            return Err(bundle.refused(NO_PEM));
        }
        let is_usable = |one: &CertificateDer<'static>| RootCertStore::empty().add(one.clone()).is_ok();
        let all = certificates.len();
        let usable: Vec<_> = certificates.into_iter().filter(is_usable).collect();
        if usable.is_empty() || bundle.is_chosen && usable.len() < all {
            return Err(bundle.refused(UNUSABLE));
        }
        Ok(usable)
    }

    /// Mozilla's roots and the environment's.
    #[cfg(not(feature = "platform-verifier"))]
    type Trusted = Arc<RootCertStore>;

    #[cfg(not(feature = "platform-verifier"))]
    fn trusted(named: Vec<CertificateDer<'static>>) -> Trusted {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(named);
        Arc::new(roots)
    }

    #[cfg(not(feature = "platform-verifier"))]
    fn trusting(
        config: Builder,
        mut trusted: Trusted,
        own: Vec<CertificateDer<'static>>,
        _: Arc<CryptoProvider>,
    ) -> Result<rustls::ConfigBuilder<ClientConfig, WantsClientCert>, BuildError> {
        if !own.is_empty() {
            Arc::make_mut(&mut trusted).add_parsable_certificates(own);
        }
        Ok(config.with_root_certificates(trusted))
    }

    /// The environment's certificates; the operating system has its own roots.
    #[cfg(feature = "platform-verifier")]
    type Trusted = Arc<[CertificateDer<'static>]>;

    #[cfg(feature = "platform-verifier")]
    fn trusted(named: Vec<CertificateDer<'static>>) -> Trusted {
        named.into()
    }

    #[cfg(feature = "platform-verifier")]
    fn trusting(
        config: Builder,
        trusted: Trusted,
        mut own: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<rustls::ConfigBuilder<ClientConfig, WantsClientCert>, BuildError> {
        own.extend(trusted.iter().cloned());
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(own, provider)
            .map_err(|error| BuildError::Http(error.into()))?;
        // Rustls calls every verifier but its own dangerous; this one asks the operating system.
        Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
    }
}

/// TLS by the operating system, which trusts the caller's certificates besides its own.
#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
pub(crate) fn secured(
    mut builder: reqwest::ClientBuilder,
    given: &[Vec<u8>],
    reads_environment: bool,
) -> Result<reqwest::ClientBuilder, BuildError> {
    let named = if reads_environment { bundles(&named_files()?)? } else { Vec::new() };
    for bundle in given_bundles(given).chain(named) {
        if !has_certificate(&bundle.pem) {
            return Err(bundle.refused(NO_PEM));
        }
        let certificates = reqwest::Certificate::from_pem_bundle(&bundle.pem);
        let certificates =
            certificates.map_err(|_| bundle.refused(if bundle.is_chosen { UNUSABLE } else { DAMAGED }))?;
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

/// No TLS: `https` cannot be reached, so nothing is trusted.
#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
pub(crate) fn secured(
    builder: reqwest::ClientBuilder,
    _given: &[Vec<u8>],
    reads_environment: bool,
) -> Result<reqwest::ClientBuilder, BuildError> {
    if reads_environment {
        bundles(&named_files()?)?;
    }
    Ok(builder)
}
