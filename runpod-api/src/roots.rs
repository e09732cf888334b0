//! The certificates by which a server is trusted: Mozilla's roots or the operating system's, and the caller's beside
//! them. Nothing here turns verification off.
#![cfg_attr(not(any(feature = "native-tls", feature = "rustls")), allow(dead_code))]

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
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

/// Everything that the environment names.
fn named_bundles() -> Result<Vec<Bundle>, BuildError> {
    let mut bundles: Vec<Bundle> = Vec::new();
    if let Some(path) = variable(FILE_VARIABLE) {
        let path = PathBuf::from(path);
        let origin = named(FILE_VARIABLE, &path);
        let pem = fs::read(&path).map_err(|error| unread(&origin, &error))?;
        bundles.push(Bundle { origin, pem, is_chosen: false });
    }
    for folder in variable(FOLDER_VARIABLE).iter().flat_map(std::env::split_paths) {
        bundles.extend(in_folder(&folder)?);
    }
    Ok(bundles)
}

/// The files of a folder that hold certificates. Others are passed over: folders have readmes and revocation lists too.
fn in_folder(folder: &Path) -> Result<Vec<Bundle>, BuildError> {
    let unread = |error| unread(&named(FOLDER_VARIABLE, folder), &error);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        files.push(entry.map_err(unread)?.path());
    }
    files.sort();
    let bundle = |path: &PathBuf| {
        let pem = fs::read(path).ok().filter(|pem| has_certificate(pem))?;
        Some(Bundle { origin: named(FOLDER_VARIABLE, path), pem, is_chosen: false })
    };
    Ok(files.iter().filter_map(bundle).collect())
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
const DAMAGED: &str = "holds PEM that cannot be read";
const UNUSABLE: &str = "holds a certificate that cannot be used";

#[cfg(feature = "rustls")]
pub(crate) use by_rustls::secured;

/// TLS by rustls, without touching the process's default provider.
#[cfg(feature = "rustls")]
mod by_rustls {
    use std::{
        ffi::OsString,
        fs,
        path::PathBuf,
        sync::{Arc, Mutex, PoisonError},
        time::SystemTime,
    };

    use rustls::{
        ClientConfig, RootCertStore,
        client::WantsClientCert,
        crypto::CryptoProvider,
        pki_types::{CertificateDer, pem::PemObject},
    };

    use super::{
        Bundle, DAMAGED, FILE_VARIABLE, FOLDER_VARIABLE, NO_PEM, UNUSABLE, given_bundles, named_bundles,
        variable,
    };
    use crate::BuildError;

    type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

    /// The environment's words, and when what they name last changed.
    #[derive(PartialEq, Eq)]
    struct Names {
        variables: [Option<OsString>; 2],
        changed: Vec<Option<SystemTime>>,
    }

    impl Names {
        fn now() -> Self {
            let variables = [FILE_VARIABLE, FOLDER_VARIABLE].map(variable);
            let file = variables[0].iter().map(PathBuf::from);
            let paths = file.chain(variables[1].iter().flat_map(std::env::split_paths));
            let changed =
                paths.map(|path| fs::metadata(path).and_then(|about| about.modified()).ok()).collect();
            Self { variables, changed }
        }
    }

    /// The environment's part as it was last read: a machine's bundle is hundreds of certificates, and a program may make
    /// many clients.
    static READ: Mutex<Option<(Names, Trusted)>> = Mutex::new(None);

    pub(crate) fn secured(
        builder: reqwest::ClientBuilder,
        given: &[Vec<u8>],
    ) -> Result<reqwest::ClientBuilder, BuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::Http(error.into()))?;
        let mut own = Vec::new();
        for bundle in given_bundles(given) {
            own.extend(usable(&bundle)?);
        }
        let config = trusting(config, named()?, own, provider)?.with_no_client_auth();
        Ok(builder.tls_backend_preconfigured(config))
    }

    /// Everything that the environment names, read anew if it names something else or that has changed.
    fn named() -> Result<Trusted, BuildError> {
        let names = Names::now();
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, trusted)) = &*read
            && *known == names
        {
            return Ok(trusted.clone());
        }
        let mut certificates = Vec::new();
        for bundle in named_bundles()? {
            certificates.extend(usable(&bundle)?);
        }
        // A machine's file and folder hold the same.
        certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        certificates.dedup();
        let trusted = trusted(certificates);
        *read = Some((names, trusted.clone()));
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
) -> Result<reqwest::ClientBuilder, BuildError> {
    for bundle in given_bundles(given).chain(named_bundles()?) {
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
) -> Result<reqwest::ClientBuilder, BuildError> {
    named_bundles().map(|_| builder)
}
