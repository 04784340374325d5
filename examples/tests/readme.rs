//! The README shows a program that is compiled and tested.

#[test]
fn the_readme_shows_the_program_as_it_is() {
    let readme = include_str!("../../README.md");
    let program = include_str!("../src/bin/revenue.rs");
    let shown = program.split_once("\n\n").map_or(program, |(_, code)| code).trim();
    assert!(readme.contains(shown), "README.md must show examples/src/bin/revenue.rs, without its first line");
}
