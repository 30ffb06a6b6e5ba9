//! Words: names, ids, sizes, id maps and plans as data; pure, no I/O
#![forbid(unsafe_code)]
