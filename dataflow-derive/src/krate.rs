//! Under which path the user's code reaches the crate that has a trait.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path of package `own`, whose facade is `dataflow::{module}`.
pub(crate) fn path_of(own: &str, module: &str) -> TokenStream {
    let ident = |name: &str| Ident::new(name, Span::call_site());
    let module = ident(module);
    match (crate_name(own), crate_name("dataflow")) {
        (Ok(FoundCrate::Name(name)), _) => {
            let name = ident(&name);
            quote!(::#name)
        }
        (_, Ok(FoundCrate::Name(name))) => {
            let name = ident(&name);
            quote!(::#name::#module)
        }
        (Err(_), Ok(FoundCrate::Itself)) => quote!(::dataflow::#module),
        // The crate itself (its `lib.rs` has `extern crate self`), or none was found: then the error names the crate
        // to add.
        _ => {
            let own = ident(&own.replace('-', "_"));
            quote!(::#own)
        }
    }
}
