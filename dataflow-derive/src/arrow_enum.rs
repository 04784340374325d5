//! `#[derive(ArrowEnum)]`.

use crate::attributes::{ContainerAttributes, FieldAttributes};
use crate::krate::arrow_path;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, LitStr, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = ContainerAttributes::parse(&input.attrs, "arrow", true)?;
    let krate = attributes.krate.unwrap_or_else(arrow_path);
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.ident.span(), "ArrowEnum is for enums; for a struct derive ArrowRow"));
    };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no names to write"));
    }
    if let Some(generic) = input.generics.params.first() {
        return Err(Error::new(generic.span(), "ArrowEnum is for enums without parameters"));
    }
    let mut names: Vec<String> = Vec::new();
    let mut idents = Vec::new();
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            let message = "only variants without fields can be written as a name";
            return Err(Error::new(variant.fields.span(), message));
        }
        let own = FieldAttributes::parse(&variant.attrs)?;
        let name = match (&own.rename, &attributes.rename_all) {
            (Some(name), _) => name.value(),
            (None, Some(rule)) => renamed(&variant.ident.unraw().to_string(), rule)?,
            (None, None) => variant.ident.unraw().to_string(),
        };
        if names.contains(&name) {
            return Err(Error::new(variant.ident.span(), format!("there is a variant named {name:?} already")));
        }
        names.push(name);
        idents.push(&variant.ident);
    }
    let numbers = 0..names.len();
    let name = &input.ident;
    let field_impl = |encoding: TokenStream| {
        quote! {
            #[automatically_derived]
            impl #krate::ArrowField<#krate::encoding::#encoding> for #name {
                type Builder = #krate::EnumBuilder<Self>;
                type Reader = #krate::EnumReader<Self>;
                fn data_type() -> #krate::__private::DataType {
                    #krate::__private::enum_data_type()
                }
                fn accepts(stored: &#krate::__private::DataType) -> bool {
                    #krate::__private::enum_accepts(stored)
                }
            }
        }
    };
    let (plain, dictionary) = (field_impl(quote!(Plain)), field_impl(quote!(Dictionary)));
    Ok(quote! {
        #[automatically_derived]
        impl #krate::ArrowEnum for #name {
            const NAMES: &'static [&'static str] = &[#(#names),*];
            const ALL: &'static [Self] = &[#(Self::#idents),*];
            #[inline]
            fn number(&self) -> usize {
                match self { #(Self::#idents => #numbers),* }
            }
        }
        #plain
        #dictionary
        #[automatically_derived]
        impl #krate::ListItem for #name {}
    })
}

fn renamed(name: &str, rule: &LitStr) -> Result<String> {
    let words = words(name);
    let joined = |separator: &str| words.join(separator);
    Ok(match rule.value().as_str() {
        "lowercase" => joined(""),
        "UPPERCASE" => joined("").to_uppercase(),
        "snake_case" => joined("_"),
        "SCREAMING_SNAKE_CASE" => joined("_").to_uppercase(),
        "kebab-case" => joined("-"),
        "camelCase" => {
            let mut characters = name.chars();
            characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
        }
        "PascalCase" => name.to_owned(),
        _ => {
            let message = "not known: \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \"snake_case\", \
                           \"SCREAMING_SNAKE_CASE\" or \"kebab-case\"";
            return Err(Error::new(rule.span(), message));
        }
    })
}

/// The words of a name in PascalCase, each in lower case; every capital begins one, as serde has it.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_uppercase() => word.push(c),
            _ => words.push(c.to_lowercase().collect()),
        }
    }
    words
}
