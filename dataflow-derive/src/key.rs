//! `#[derive(Key)]`.

use crate::attributes::ContainerAttributes;
use crate::krate::path_of;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Error, Expr, Fields, Index, Lit, Result, UnOp, parse_quote};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = ContainerAttributes::parse(&input.attrs, "key", false)?;
    let krate = attributes.krate.unwrap_or_else(|| path_of("dataflow-core", "core"));
    let (encode, hash) = match &input.data {
        Data::Struct(data) => (encode_struct(&krate, &data.fields), hash_of_newtype(&krate, &data.fields)),
        Data::Enum(data) => (encode_enum(&krate, data)?, None),
        Data::Union(data) => {
            let message = "a union cannot be a key: which of its fields is valid is not known; use an enum";
            return Err(Error::new(data.union_token.span(), message));
        }
    };
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#krate::Key));
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Key for #name #ty_generics #where_clause {
            fn encode_key(&self, to: &mut ::std::vec::Vec<u8>) {
                let _ = &to; // a unit struct writes nothing
                #encode
            }
            #hash
        }
    })
}

fn encode_struct(krate: &TokenStream, fields: &Fields) -> TokenStream {
    let encode = fields.iter().enumerate().map(|(i, field)| {
        let ty = &field.ty;
        let name = field.ident.as_ref().map_or_else(
            || {
                let index = Index::from(i);
                quote!(#index)
            },
            |ident| quote!(#ident),
        );
        // The field's own span, so that the error of a type that is no key points to it.
        quote_spanned!(ty.span()=> <#ty as #krate::Key>::encode_key(&self.#name, to);)
    });
    quote!(#(#encode)*)
}

/// A struct of one field is encoded as the field is, so its hash is the field's, which may have a faster way to it.
fn hash_of_newtype(krate: &TokenStream, fields: &Fields) -> Option<TokenStream> {
    if fields.len() != 1 {
        return None;
    }
    let field = fields.iter().next()?;
    let ty = &field.ty;
    let name = field.ident.as_ref().map_or_else(|| quote!(0), |ident| quote!(#ident));
    let call = quote_spanned!(ty.span()=> <#ty as #krate::Key>::stable_hash(&self.#name));
    Some(quote! {
        #[inline]
        fn stable_hash(&self) -> u64 {
            #call
        }
    })
}

fn encode_enum(krate: &TokenStream, data: &DataEnum) -> Result<TokenStream> {
    check_discriminants(data)?;
    if data.variants.is_empty() {
        return Ok(quote!(match *self {}));
    }
    let wide = data.variants.len() > 256;
    let arms = data.variants.iter().enumerate().map(|(number, variant)| {
        let ident = &variant.ident;
        let number = if wide {
            let bytes = (number as u16).to_be_bytes();
            quote!([#(#bytes),*])
        } else {
            let byte = number as u8;
            quote!([#byte])
        };
        let bindings: Vec<_> =
            (0..variant.fields.len()).map(|i| format_ident!("field_{i}", span = Span::mixed_site())).collect();
        let members = variant.fields.members();
        let encode = variant.fields.iter().zip(&bindings).map(|(field, binding)| {
            let ty = &field.ty;
            quote_spanned!(ty.span()=> <#ty as #krate::Key>::encode_key(#binding, to);)
        });
        quote! {
            Self::#ident { #(#members: #bindings),* } => {
                to.extend_from_slice(&#number);
                #(#encode)*
            }
        }
    });
    Ok(quote!(match self { #(#arms)* }))
}

/// The derived order of an enum goes by its discriminants, the encoding by the number of the variant: both must agree.
fn check_discriminants(data: &DataEnum) -> Result<()> {
    let mut last = -1i128;
    for variant in &data.variants {
        let this = match &variant.discriminant {
            None => last + 1,
            Some((_, value)) => literal(value).ok_or_else(|| {
                Error::new(value.span(), "a key's discriminants must be plain numbers, so that their order can be seen")
            })?,
        };
        if this <= last && variant.discriminant.is_some() && !std::ptr::eq(variant, &data.variants[0]) {
            let message = "a key's discriminants must ascend: its encoding keeps the order of the variants";
            return Err(Error::new(variant.ident.span(), message));
        }
        last = this;
    }
    Ok(())
}

fn literal(value: &Expr) -> Option<i128> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Unary(minus) if matches!(minus.op, UnOp::Neg(_)) => literal(&minus.expr).map(|n: i128| -n),
        _ => None,
    }
}
