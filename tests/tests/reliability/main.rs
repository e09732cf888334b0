//! No pod runs that nobody knows of, and no secret leaves by a door it was not meant for.

mod matrix;
