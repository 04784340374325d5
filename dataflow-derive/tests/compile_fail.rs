//! What does not compile says why, and what to do.

#[test]
fn mistakes_have_readable_messages() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
