//! Texts with their escapes undone and their white space folded, to compare what may be spelled in many ways.

use std::{iter, ops::Range};

/// Most layers undone: JSON in a string of JSON is two.
const DEEPEST: usize = 8;

/// Longest name of an HTML entity that is undone, with its `&` and `;`.
const LONGEST_ENTITY: usize = 12;

/// A text, each character with where in the original it stands.
#[derive(Default)]
pub(crate) struct Layer {
    chars: Vec<char>,
    places: Vec<Range<usize>>,
}

/// A layer without fillers.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) chars: Vec<char>,
    pub(crate) places: Vec<Range<usize>>,
    /// True for each character that follows a filler.
    pub(crate) gaps: Vec<bool>,
}

/// The text, the text with its escapes undone, and so on, each folded.
pub(crate) fn layers(text: &str) -> impl Iterator<Item = Folded> {
    let first = Layer {
        chars: text.chars().collect(),
        places: text.char_indices().map(|(at, char)| at..at + char.len_utf8()).collect(),
    };
    iter::successors(Some(first), Layer::undone).take(DEEPEST).map(|layer| layer.folded())
}

impl Layer {
    /// The layer with one layer of escapes undone; `None` if there are none.
    fn undone(&self) -> Option<Self> {
        let mut undone = Self::default();
        let mut at = 0;
        while let Some(char) = self.chars.get(at) {
            let (char, length) = escape(&self.chars[at..]).unwrap_or((*char, 1));
            undone.chars.push(char);
            undone.places.push(self.places[at].start..self.places[at + length - 1].end);
            at += length;
        }
        (undone.chars.len() < self.chars.len()).then_some(undone)
    }

    fn folded(self) -> Folded {
        let mut folded = Folded::default();
        let mut gap = false;
        for (char, place) in self.chars.into_iter().zip(self.places) {
            if is_filler(char) {
                gap = true;
                continue;
            }
            folded.chars.push(char);
            folded.places.push(place);
            folded.gaps.push(std::mem::take(&mut gap));
        }
        folded
    }
}

/// Returns true if a character says nothing: white space in any spelling, which is a plus in forms, the rest of an
/// unknown escape, or a quote, of which a shell's text has more or fewer.
fn is_filler(char: char) -> bool {
    char.is_whitespace() || char.is_control() || matches!(char, '+' | '\\' | '\'' | '"')
}

/// The escape that a text begins with: what it stands for, and how many characters it takes.
fn escape(text: &[char]) -> Option<(char, usize)> {
    match text {
        ['\\', 'u', '{', ..] => {
            let end = text.iter().position(|char| *char == '}')?;
            Some((char::from_u32(number(&text[3..end], 16)?)?, end + 1))
        }
        ['\\', 'u', ..] => utf16(text),
        ['\\', 'x', ..] => utf8(text, &['\\', 'x'], 16),
        ['\\', '0'..='3', '0'..='7', '0'..='7', ..] => utf8(text, &['\\'], 8),
        ['%', ..] => utf8(text, &['%'], 16),
        ['\\', 'b' | 'f' | 'n' | 'r' | 't', ..] => Some((' ', 2)),
        ['\\', char @ ('"' | '\'' | '/' | '\\'), ..] => Some((*char, 2)),
        ['&', ..] => entity(text),
        _ => None,
    }
}

/// `\u00fc`, and the two that are one beyond the first 65,536 characters.
fn utf16(text: &[char]) -> Option<(char, usize)> {
    let unit = |at: usize| match text.get(at..at + 6)? {
        ['\\', 'u', digits @ ..] => u16::try_from(number(digits, 16)?).ok(),
        _ => None,
    };
    let char = char::decode_utf16([unit(0)?, unit(6).unwrap_or_default()]).next()?.ok()?;
    Some((char, 6 * char.len_utf16()))
}

/// `%C3%BC`, `\xc3\xbc`, or `\303\274`: the bytes of one character, each after the same mark.
fn utf8(text: &[char], mark: &[char], radix: u32) -> Option<(char, usize)> {
    let width = mark.len() + if radix == 16 { 2 } else { 3 };
    let byte = |index: usize| {
        let digits = text.get(index * width..(index + 1) * width)?.strip_prefix(mark)?;
        u8::try_from(number(digits, radix)?).ok()
    };
    let count = match byte(0)? {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    };
    let bytes: Vec<u8> = (0..count).map(byte).collect::<Option<_>>()?;
    Some((std::str::from_utf8(&bytes).ok()?.chars().next()?, count * width))
}

/// `&lt;`, `&#60;`, `&#x3c;`.
fn entity(text: &[char]) -> Option<(char, usize)> {
    let end = text.iter().take(LONGEST_ENTITY).position(|char| *char == ';')?;
    let char = match &text[1..end] {
        ['#', 'x' | 'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        ['#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        ['l', 't'] => '<',
        ['g', 't'] => '>',
        ['a', 'm', 'p'] => '&',
        ['q', 'u', 'o', 't'] => '"',
        ['a', 'p', 'o', 's'] => '\'',
        ['n', 'b', 's', 'p'] => ' ',
        _ => return None,
    };
    Some((char, end + 1))
}

fn number(digits: &[char], radix: u32) -> Option<u32> {
    let start = (!digits.is_empty()).then_some(0_u32);
    digits.iter().fold(start, |value, digit| value?.checked_mul(radix)?.checked_add(digit.to_digit(radix)?))
}
