//! The choices of a run, one small number after another.

use std::{fmt, num::ParseIntError, str::FromStr};

/// A sequence of choices. 0 is always the friendly one, and past its end a tape reads 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tape(Vec<u8>);

impl Tape {
    pub(super) fn new(mut choices: Vec<u8>) -> Self {
        while choices.last() == Some(&0) {
            choices.pop();
        }
        Self(choices)
    }

    pub(super) fn choices(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        let choices: Vec<String> = self.0.iter().map(u8::to_string).collect();
        f.write_str(&choices.join(","))
    }
}

impl FromStr for Tape {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.split(',').map(|choice| choice.trim().parse()).collect::<Result<_, _>>().map(Self::new)
    }
}

/// A tape that is being read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    tape: Vec<u8>,
    /// Each choice that was made, and among how many.
    taken: Vec<(u8, u8)>,
}

impl Reader {
    pub(super) fn new(tape: &Tape) -> Self {
        Self { tape: tape.0.clone(), taken: Vec::new() }
    }

    /// Chooses one of so many.
    pub(super) fn choose(&mut self, among: usize) -> usize {
        let among = u8::try_from(among.max(1)).unwrap_or(u8::MAX);
        let choice = self.tape.get(self.taken.len()).copied().unwrap_or_default() % among;
        self.taken.push((choice, among));
        choice.into()
    }

    pub(super) fn taken(&self) -> &[(u8, u8)] {
        &self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_reads_zero_past_its_end_and_is_written_as_it_is_read() {
        let tape: Tape = "3, 0,5,0".parse().unwrap();
        assert_eq!(tape.to_string(), "3,0,5");
        let mut reader = Reader::new(&tape);
        let choices: Vec<usize> = [2, 9, 4, 7].into_iter().map(|among| reader.choose(among)).collect();
        assert_eq!(choices, [1, 0, 1, 0]);
        assert_eq!(reader.taken(), [(1, 2), (0, 9), (1, 4), (0, 7)]);
        assert_eq!(Tape::default().to_string().parse(), Ok(Tape::default()));
    }
}
