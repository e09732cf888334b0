//! Keys: those that log in, and those that a host shows.

use rand::{Rng, SeedableRng, rngs::StdRng};
use russh::keys::{
    PrivateKey, PublicKey,
    ssh_key::{authorized_keys::Entry, private::Ed25519Keypair},
};

/// Reads the keys that log in, a line each. What is no key, such as `null`, lets nobody in.
pub(super) fn authorized(text: &str) -> Vec<PublicKey> {
    text.lines().filter_map(|line| line.trim().parse::<Entry>().ok()).map(PublicKey::from).collect()
}

/// Returns true if a key is among those that log in, whatever their comments say.
pub(super) fn opens(authorized: &[PublicKey], key: &PublicKey) -> bool {
    authorized.iter().any(|known| known.key_data() == key.key_data())
}

/// Draws a host key, so that one seed gives the same key.
pub(super) fn host(seed: u64) -> PrivateKey {
    let seed: [u8; 32] = StdRng::seed_from_u64(seed).random();
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_log_in() {
        let (one, other) = (host(1), host(2));
        let line = one.public_key().to_openssh().unwrap();
        for (text, opened) in [
            (line.clone(), true),
            (format!("# a comment\n\n{line} me@home\n"), true),
            (format!("{line}\r\n"), true),
            (format!("garbage\n{line}"), true),
            (String::new(), false),
            ("null".to_owned(), false),
            (line[..line.len() / 2].to_owned(), false),
            (other.public_key().to_openssh().unwrap(), false),
        ] {
            assert_eq!(opens(&authorized(&text), one.public_key()), opened, "{text}");
        }
    }
}
