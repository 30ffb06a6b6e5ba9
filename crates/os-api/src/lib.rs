//! Words: every request, answer, event and endpoint of the API
#![forbid(unsafe_code)]
