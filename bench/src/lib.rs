//! Benchmarks of the hot paths, in `benches`: one file a subject, each against a baseline. This library holds nothing.
