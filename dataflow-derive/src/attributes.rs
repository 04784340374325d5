//! The attributes `#[arrow(...)]` and `#[key(...)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, parenthesized};

/// What `#[arrow(...)]` says of a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) rename: Option<LitStr>,
    pub(crate) skip: bool,
    /// The type in `io_parquet::encoding`, if not the plain one.
    pub(crate) encoding: Option<TokenStream>,
}

impl FieldAttributes {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut all = FieldAttributes::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("arrow")) {
            attribute.parse_nested_meta(|meta| all.add(&meta))?;
        }
        Ok(all)
    }

    fn add(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        let path = &meta.path;
        if path.is_ident("rename") {
            self.rename = Some(meta.value()?.parse()?);
        } else if path.is_ident("skip") {
            self.skip = true;
        } else if path.is_ident("dictionary") {
            self.set_encoding(path, quote!(Dictionary))?;
        } else if path.is_ident("decimal") {
            let content;
            parenthesized!(content in meta.input);
            let precision: LitInt = content.parse()?;
            content.parse::<syn::Token![,]>()?;
            let scale: LitInt = content.parse()?;
            let (p, s) = (precision.base10_parse::<u8>()?, scale.base10_parse::<i8>()?);
            if p == 0 || p > 38 || s < 0 || s.unsigned_abs() > p {
                let message = "decimal(precision, scale): 1 to 38 digits, 0 to `precision` of them after the point";
                return Err(Error::new(precision.span(), message));
            }
            self.set_encoding(path, quote!(Decimal<#p, #s>))?;
        } else if path.is_ident("timestamp") {
            let unit: LitStr = meta.value()?.parse()?;
            let encoding = match unit.value().as_str() {
                "us" => quote!(Micros),
                "ms" => quote!(Millis),
                _ => return Err(Error::new(unit.span(), "the unit of a timestamp is \"us\" or \"ms\"")),
            };
            self.set_encoding(path, encoding)?;
        } else {
            return Err(meta.error(
                "not known here: a field can have `rename = \"name\"`, `skip`, `dictionary`, `decimal(precision, \
                 scale)`, `timestamp = \"ms\"`",
            ));
        }
        Ok(())
    }

    fn set_encoding(&mut self, path: &Path, encoding: TokenStream) -> Result<()> {
        match self.encoding.replace(encoding) {
            None => Ok(()),
            Some(_) => {
                Err(Error::new_spanned(path, "only one of `dictionary`, `decimal` and `timestamp` can be given"))
            }
        }
    }
}

/// What `#[arrow(...)]` or `#[key(...)]` says of a struct or enum.
#[derive(Default)]
pub(crate) struct ContainerAttributes {
    pub(crate) krate: Option<TokenStream>,
    pub(crate) rename_all: Option<LitStr>,
}

impl ContainerAttributes {
    pub(crate) fn parse(attributes: &[Attribute], name: &str, with_rename_all: bool) -> Result<Self> {
        let mut all = ContainerAttributes::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident(name)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    all.krate = Some(meta.value()?.parse::<LitStr>()?.parse::<Path>()?.into_token_stream());
                    Ok(())
                } else if with_rename_all && meta.path.is_ident("rename_all") {
                    all.rename_all = Some(meta.value()?.parse()?);
                    Ok(())
                } else if with_rename_all {
                    Err(meta
                        .error("not known here: an enum can have `rename_all = \"snake_case\"` and `crate = \"path\"`"))
                } else {
                    Err(meta.error("not known here: a type can have `crate = \"path\"`"))
                }
            })?;
        }
        Ok(all)
    }
}
