//! `#[derive(StateRow)]`.

use crate::krate::path_of;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Path, Result, Type};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let krate = crate_path(&input.attrs)?.unwrap_or_else(|| path_of("dataflow-core", "core"));
    let cells = fields(input)?.iter().map(Cell::parse).collect::<Result<Vec<_>>>()?;
    check_names(&cells)?;
    let timers: Vec<&Cell> = cells.iter().filter(|cell| matches!(cell.kind, Kind::Timer | Kind::Family)).collect();
    let timed = cells.iter().any(|cell| !matches!(cell.kind, Kind::Plain));
    let timer_count = timers.len();
    let visits = cells.iter().map(Cell::visit);
    let takes = timers.iter().enumerate().map(|(number, cell)| {
        let (ident, variant, ty) = (cell.ident, cell.variant(), cell.ty);
        let made = match cell.kind {
            Kind::Family => quote!(Self::Timer::#variant(id)),
            _ => quote!({ let () = id; Self::Timer::#variant }),
        };
        quote! {
            #number => <#ty as #krate::state::TimerCell>::take_earliest(&mut self.#ident)
                .map(|(id, setting)| (#made, setting)),
        }
    });
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let (name, vis) = (&input.ident, &input.vis);
    let timer = format_ident!("{}Timer", name.unraw(), span = name.span());
    let doc = format!("Which timer of [`{name}`] has fired.");
    let variants = timers.iter().map(|cell| {
        let (variant, doc) = (cell.variant(), format!("`{}`", cell.name.value()));
        match cell.kind {
            Kind::Family => quote!(#[doc = #doc] #variant(::std::string::String)),
            _ => quote!(#[doc = #doc] #variant),
        }
    });
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq, Eq)]
        #vis enum #timer { #(#variants),* }

        #[automatically_derived]
        impl #impl_generics #krate::state::StateRow for #name #ty_generics #where_clause {
            type Timer = #timer;
            const TIMED: bool = #timed;
            const TIMERS: usize = #timer_count;

            #[inline]
            fn visit<Visitor: #krate::state::CellVisitor>(&mut self, visitor: &mut Visitor) -> #krate::Result<()> {
                let _ = &visitor; // a struct without cells has nothing to show
                #(#visits)*
                ::core::result::Result::Ok(())
            }

            fn take_timer(&mut self, number: usize) -> ::core::option::Option<(Self::Timer, #krate::state::Setting)> {
                match number {
                    #(#takes)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}

fn fields(input: &DeriveInput) -> Result<&syn::punctuated::Punctuated<Field, syn::Token![,]>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new(
                input.ident.span(),
                "the cells of a StateRow need names, which snapshots find them by: write `struct State { count: Value<u32> }`",
            )),
        },
        _ => Err(Error::new(input.ident.span(), "only a struct can be a StateRow: its fields are the cells")),
    }
}

fn crate_path(attributes: &[Attribute]) -> Result<Option<TokenStream>> {
    let mut path = None;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("state")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("not known here: a StateRow can have `crate = \"path\"`"));
            }
            path = Some(meta.value()?.parse::<LitStr>()?.parse::<Path>()?.into_token_stream());
            Ok(())
        })?;
    }
    Ok(path)
}

/// What kind of cell a field is, by the name of its type.
enum Kind {
    Plain,
    Timer,
    Family,
    /// With a time to live, in microseconds.
    Expiring(i64),
}

struct Cell<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    /// What snapshots call it.
    name: LitStr,
    kind: Kind,
}

impl<'a> Cell<'a> {
    fn parse(field: &'a Field) -> Result<Self> {
        let ident = field.ident.as_ref().ok_or_else(|| Error::new(field.span(), "a cell needs a name"))?;
        let mut name = LitStr::new(&ident.unraw().to_string(), ident.span());
        let mut ttl = None;
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("state")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("ttl") {
                    ttl = Some(meta.value()?.parse::<LitStr>()?);
                } else if meta.path.is_ident("rename") {
                    name = meta.value()?.parse()?;
                } else {
                    return Err(meta.error("not known here: a cell can have `ttl = \"7d\"` and `rename = \"name\"`"));
                }
                Ok(())
            })?;
        }
        let kind = kind(&field.ty, ttl)?;
        Ok(Cell { ident, ty: &field.ty, name, kind })
    }

    fn visit(&self) -> TokenStream {
        let (ident, ty, name) = (self.ident, self.ty, &self.name);
        // The type's own span, so that the error of a type that is no cell points to it.
        match self.kind {
            Kind::Plain => quote_spanned!(ty.span()=> visitor.cell::<#ty>(#name, &mut self.#ident)?;),
            Kind::Timer | Kind::Family => {
                quote_spanned!(ty.span()=> visitor.timer::<#ty>(#name, &mut self.#ident)?;)
            }
            Kind::Expiring(micros) => {
                let duration = quote!(::core::convert::From::from(::core::time::Duration::from_micros(#micros as u64)));
                quote_spanned!(ty.span()=> visitor.expiring(#name, #duration, &mut self.#ident)?;)
            }
        }
    }

    /// The name of a timer's variant: `flush_all` becomes `FlushAll`.
    fn variant(&self) -> Ident {
        let camel: String = self
            .ident
            .unraw()
            .to_string()
            .split('_')
            .map(|word| {
                let mut chars = word.chars();
                chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
            })
            .collect();
        let first = camel.chars().next().is_some_and(|c| c.is_alphabetic());
        Ident::new(&if first { camel } else { format!("Timer{camel}") }, self.ident.span())
    }
}

fn kind(ty: &Type, ttl: Option<LitStr>) -> Result<Kind> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    };
    let kind = match (last.as_deref(), &ttl) {
        (Some("EventTimer" | "ProcessingTimer"), None) => Kind::Timer,
        (Some("EventTimerFamily" | "ProcessingTimerFamily"), None) => Kind::Family,
        (Some("Expiring"), Some(ttl)) => Kind::Expiring(micros(ttl)?),
        (Some("Expiring"), None) => {
            let message = "an Expiring cell needs a time to live: write `#[state(ttl = \"7d\")]` above it";
            return Err(Error::new(ty.span(), message));
        }
        (_, Some(ttl)) => {
            let message = "only an `Expiring<..>` cell has a time to live: write `Expiring<Value<T>>` for `Value<T>`";
            return Err(Error::new(ttl.span(), message));
        }
        (_, None) => Kind::Plain,
    };
    Ok(kind)
}

/// Reads a duration as `dataflow_windows::Duration` does.
fn micros(text: &LitStr) -> Result<i64> {
    let value = text.value();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let unit = match unit {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        "m" => Some(60_000_000),
        "h" => Some(3_600_000_000),
        "d" => Some(86_400_000_000_i64),
        _ => None,
    };
    let micros = unit.and_then(|unit| number.parse::<i64>().ok()?.checked_mul(unit)).filter(|micros| *micros > 0);
    micros.ok_or_else(|| {
        let message = format!(
            "\"{value}\" is no time to live: write a whole number above 0 and a unit (us, ms, s, m, h, d), such as \"7d\""
        );
        Error::new(text.span(), message)
    })
}

fn check_names(cells: &[Cell]) -> Result<()> {
    for (i, cell) in cells.iter().enumerate() {
        if cells[..i].iter().any(|other| other.name.value() == cell.name.value()) {
            let message = "another cell has this name in snapshots: give each its own";
            return Err(Error::new(cell.name.span(), message));
        }
        if cell.name.value().len() > usize::from(u16::MAX) {
            return Err(Error::new(cell.name.span(), "this name is too long for a snapshot"));
        }
    }
    Ok(())
}
