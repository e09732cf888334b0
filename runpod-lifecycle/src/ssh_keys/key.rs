//! One public key, as people paste it.

/// The key types OpenSSH begins a public key with.
const TYPES: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];
/// Texts that are no OpenSSH public key but hold or name one, each with what to do. Private keys come first.
const OTHERS: [(&str, &str); 6] = [
    ("PRIVATE KEY", "this is a private key; pass the line in the .pub file beside it"),
    (
        "PuTTY-User-Key-File",
        "this is PuTTY's private key; pass the line that PuTTYgen shows for pasting into authorized_keys",
    ),
    (
        "BEGIN SSH2 PUBLIC KEY",
        "this is PuTTY's format; pass the line that PuTTYgen shows for pasting into authorized_keys, or that ssh-keygen -i -f FILE prints",
    ),
    ("BEGIN RSA PUBLIC KEY", "this is PEM; pass the line that ssh-keygen -i -m PEM -f FILE prints"),
    ("BEGIN PUBLIC KEY", "this is PEM; pass the line that ssh-keygen -i -m PKCS8 -f FILE prints"),
    ("BEGIN CERTIFICATE", "this is a certificate; pass the line of an OpenSSH .pub file"),
];

/// The one OpenSSH public key of a text: type, base64 and comment, each a blank apart.
///
/// # Errors
/// What the text is instead, and what to do. It is never quoted, since it may be a private key.
pub(super) fn normal(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches('\u{feff}');
    if let Some((_, hint)) = OTHERS.iter().find(|(mark, _)| text.contains(mark)) {
        return Err(format!("not sent: {hint}"));
    }
    let lines = text.split(['\n', '\r']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    match lines.as_slice() {
        [] => Err("not sent: there is no key in it".to_owned()),
        [line] => one(line).map_err(|hint| format!("not sent: {hint}")),
        lines if lines.iter().all(|line| one(line).is_ok()) => {
            Err(format!("not sent: these are {} keys; add them one by one", lines.len()))
        }
        _ => Err("not sent: a public key is one line; join it if it was wrapped".to_owned()),
    }
}

fn one(line: &str) -> Result<String, &'static str> {
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    if !TYPES.iter().any(|prefix| kind.starts_with(prefix)) {
        let is_path =
            line.ends_with(".pub") || line.starts_with(['/', '~', '.']) || line.contains(['/', '\\']);
        return Err(match words.next() {
            None if is_path => "this is a path; pass what the file holds",
            _ if line.ends_with(".pub") => "this is a path; pass what the file holds",
            _ => "a public key is one line such as: ssh-ed25519 AAAA... name",
        });
    }
    let body = words.next().ok_or("a public key is one line such as: ssh-ed25519 AAAA... name")?;
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
    if !body.starts_with("AAAA") || !body.bytes().all(is_base64) {
        return Err("what follows the type of a public key is base64 that begins with AAAA");
    }
    if line.contains(char::is_control) && line.contains(|c: char| c.is_control() && c != '\t') {
        return Err("a public key holds no control characters");
    }
    Ok([kind, body].into_iter().chain(words).collect::<Vec<_>>().join(" "))
}

/// Returns true if a key is among others, whatever its comment.
pub(super) fn is_among(key: &str, others: &[String]) -> bool {
    others.iter().any(|other| same_key(key).eq(same_key(other)))
}

/// A key without its comment.
fn same_key(key: &str) -> impl Iterator<Item = &str> {
    key.split_whitespace().take(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_comes_out_of_however_it_was_pasted() {
        for text in [
            "ssh-ed25519 AAAAC3Nz me@host",
            "\u{feff}ssh-ed25519 AAAAC3Nz me@host\r\n",
            "  ssh-ed25519\tAAAAC3Nz   me@host  ",
            "# my laptop\n\nssh-ed25519 AAAAC3Nz me@host\n\n",
            "ssh-ed25519 AAAAC3Nz me@host\r",
        ] {
            assert_eq!(normal(text).as_deref(), Ok("ssh-ed25519 AAAAC3Nz me@host"), "{text:?}");
        }
        assert_eq!(
            normal("sk-ssh-ed25519@openssh.com AAAAGnNr").as_deref(),
            Ok("sk-ssh-ed25519@openssh.com AAAAGnNr")
        );
    }

    #[test]
    fn anything_else_is_refused_with_a_hint_of_its_own_and_never_quoted() {
        for (text, hint) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END", "private key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nsecret", "private key"),
            ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nsecret", "PuTTY's private key"),
            ("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"x\"\nAAAAsecret", "PuTTY's format"),
            ("-----BEGIN PUBLIC KEY-----\nsecret", "PKCS8"),
            ("-----BEGIN RSA PUBLIC KEY-----\nsecret", "-m PEM"),
            ("~/.ssh/secret.pub", "a path"),
            ("C:\\Users\\me\\secret.pub", "a path"),
            ("C:\\Users\\my name\\secret.pub", "a path"),
            ("secret.pub", "a path"),
            ("./secret", "a path"),
            ("ssh-rsa AAAAsecret one\nssh-rsa AAAAsecret two", "2 keys; add them one by one"),
            ("ssh-rsa AAAAsecret\r\nsecret== me", "join it"),
            ("", "no key in it"),
            ("# secret\n", "no key in it"),
            ("ssh-ed25519", "is one line such as"),
            ("hello secret", "is one line such as"),
            ("ssh-ed25519 secret", "base64"),
            ("ssh-rsa AAAA\u{1b}secret", "base64"),
            ("ssh-rsa AAAA x\u{1b}secret", "control characters"),
        ] {
            let refusal = normal(text).unwrap_err();
            assert!(refusal.contains(hint) && !refusal.contains("secret"), "{text:?}: {refusal}");
        }
    }
}
