//! Under which path the user's code reaches the crate that has a trait.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path of package `own`, whose facade is `dataflow::{module}`.
pub(crate) fn path_of(own: &str, module: &str) -> TokenStream {
    match (crate_name(own), crate_name("dataflow")) {
        (Ok(FoundCrate::Name(name)), _) => absolute(&name),
        (_, Ok(FoundCrate::Name(name))) => in_module(&name, module),
        (Err(_), Ok(FoundCrate::Itself)) => in_module("dataflow", module),
        // The crate itself (its `lib.rs` has `extern crate self`), or none was found: then the error names the crate
        // to add.
        _ => absolute(&own.replace('-', "_")),
    }
}

/// The path of rows of columns: who reads and writes Parquet need not name the crate that has them, too.
pub(crate) fn arrow_path() -> TokenStream {
    match (crate_name("dataflow-arrow"), crate_name("io-parquet")) {
        (Err(_), Ok(FoundCrate::Name(name))) => absolute(&name),
        (Err(_), Ok(FoundCrate::Itself)) => absolute("io_parquet"),
        _ => path_of("dataflow-arrow", "arrow"),
    }
}

fn absolute(name: &str) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    quote!(::#name)
}

fn in_module(name: &str, module: &str) -> TokenStream {
    let (name, module) = (Ident::new(name, Span::call_site()), Ident::new(module, Span::call_site()));
    quote!(::#name::#module)
}
