//! `#[derive(ArrowRow)]`: a builder and a reader with one typed column for each field.

use crate::attributes::{ContainerAttributes, FieldAttributes};
use crate::krate::path_of;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Generics, Ident, Result, Type, parse_quote};

struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    encoding: TokenStream,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = ContainerAttributes::parse(&input.attrs, "arrow", false)?;
    let krate = attributes.krate.unwrap_or_else(|| path_of("io-parquet", "parquet"));
    let (columns, skipped) = columns(input)?;
    let generics = bounded(&krate, &input.generics, &columns);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let row = &input.ident;
    let (builder, reader) = (format_ident!("{row}Builder"), format_ident!("{row}Columns"));
    let name: Vec<_> = columns.iter().map(|c| &c.name).collect();
    let ident: Vec<_> = columns.iter().map(|c| c.ident).collect();
    let ty: Vec<_> = columns.iter().map(|c| c.ty).collect();
    let encoding: Vec<_> = columns.iter().map(|c| &c.encoding).collect();
    // With the span of the field's type, so that the error of an unsupported one points to it.
    let field: Vec<_> = columns
        .iter()
        .map(|Column { ty, encoding, .. }| {
            quote_spanned!(ty.span()=> <#ty as #krate::ArrowField<#krate::encoding::#encoding>>)
        })
        .collect();
    let private = quote!(#krate::__private);

    Ok(quote! {
        const _: () = {
            #[doc(hidden)]
            #[allow(unreachable_pub)]
            pub struct #builder #impl_generics #where_clause {
                __rows: usize,
                __schema: #private::SchemaRef,
                __row: ::core::marker::PhantomData<fn() -> #row #ty_generics>,
                #(#ident: #field::Builder,)*
            }

            #[automatically_derived]
            impl #impl_generics ::core::default::Default for #builder #ty_generics #where_clause {
                fn default() -> Self {
                    Self {
                        __rows: 0,
                        __schema: <#row #ty_generics as #krate::ArrowRow>::schema(),
                        __row: ::core::marker::PhantomData,
                        #(#ident: ::core::default::Default::default(),)*
                    }
                }
            }

            #[automatically_derived]
            impl #impl_generics #krate::RowBuilder<#row #ty_generics> for #builder #ty_generics #where_clause {
                #[inline]
                fn append(&mut self, row: &#row #ty_generics) {
                    self.__rows += 1;
                    #(#krate::FieldBuilder::append(&mut self.#ident, &row.#ident);)*
                }

                fn extend(&mut self, rows: &[#row #ty_generics]) {
                    self.__rows += rows.len();
                    #(#krate::FieldBuilder::extend(&mut self.#ident, rows.iter().map(|row| &row.#ident));)*
                }

                fn len(&self) -> usize {
                    self.__rows
                }

                fn bytes(&self) -> usize {
                    0 #(+ #krate::FieldBuilder::<#ty>::bytes(&self.#ident))*
                }

                fn finish(&mut self) -> #private::Result<#private::RecordBatch> {
                    let rows = ::core::mem::take(&mut self.__rows);
                    // All are finished before an error is looked at: the builder must come out empty.
                    let columns = ::std::vec![
                        #((#name, #krate::FieldBuilder::<#ty>::finish(&mut self.#ident)),)*
                    ];
                    #private::record_batch(&self.__schema, rows, columns)
                }
            }

            #[doc(hidden)]
            #[allow(unreachable_pub)]
            pub struct #reader #impl_generics #where_clause {
                __row: ::core::marker::PhantomData<fn() -> #row #ty_generics>,
                #(#ident: #private::ColumnReader<#ty, #field::Reader>,)*
            }

            #[automatically_derived]
            impl #impl_generics #krate::RowReader<#row #ty_generics> for #reader #ty_generics #where_clause {
                fn bind(batch: &#private::RecordBatch) -> #private::Result<Self> {
                    ::core::result::Result::Ok(Self {
                        __row: ::core::marker::PhantomData,
                        #(#ident: #private::bind::<#ty, #krate::encoding::#encoding>(batch, #name)?,)*
                    })
                }

                #[inline]
                fn row(&self, i: usize) -> #private::Result<#row #ty_generics> {
                    ::core::result::Result::Ok(#row {
                        #(#ident: self.#ident.get(i)?,)*
                        #(#skipped: ::core::default::Default::default(),)*
                    })
                }
            }

            #[automatically_derived]
            impl #impl_generics #krate::ArrowRow for #row #ty_generics #where_clause {
                type Builder = #builder #ty_generics;
                type Reader = #reader #ty_generics;

                fn columns() -> ::std::vec::Vec<#krate::RowColumn> {
                    ::std::vec![#(#krate::RowColumn::of::<#ty, #krate::encoding::#encoding>(#name),)*]
                }
            }
        };
    })
}

/// The fields that are columns, and those that are skipped.
fn columns(input: &DeriveInput) -> Result<(Vec<Column<'_>>, Vec<&Ident>)> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => named,
            _ => {
                let message = "ArrowRow is for structs with named fields: columns are found by name";
                return Err(Error::new(input.ident.span(), message));
            }
        },
        Data::Enum(_) => {
            let message = "ArrowRow is for structs with named fields; an enum without fields can be a column: derive \
                           ArrowEnum";
            return Err(Error::new(input.ident.span(), message));
        }
        Data::Union(_) => return Err(Error::new(input.ident.span(), "ArrowRow is for structs with named fields")),
    };
    let (mut columns, mut skipped) = (Vec::<Column<'_>>::new(), Vec::new());
    for field in &named.named {
        let Some(ident) = &field.ident else { continue };
        let own = FieldAttributes::parse(&field.attrs)?;
        if own.skip {
            skipped.push(ident);
            continue;
        }
        let name = own.rename.map_or_else(|| ident.unraw().to_string(), |name| name.value());
        if columns.iter().any(|c| c.name == name) {
            return Err(Error::new(ident.span(), format!("there is a column named {name:?} already")));
        }
        columns.push(Column { ident, ty: &field.ty, name, encoding: own.encoding.unwrap_or_else(|| quote!(Plain)) });
    }
    if columns.is_empty() {
        return Err(Error::new(input.ident.span(), "a row needs at least one column"));
    }
    Ok((columns, skipped))
}

/// The struct's generics with what the columns need: of the row that it can be an element, of each field whose type
/// has a parameter in it that it can be a column.
fn bounded(krate: &TokenStream, generics: &Generics, columns: &[Column<'_>]) -> Generics {
    let mut bounded = generics.clone();
    let parameters: Vec<_> = generics.type_params().map(|p| p.ident.clone()).collect();
    if parameters.is_empty() {
        return bounded;
    }
    let clause = bounded.make_where_clause();
    for Column { ty, encoding, .. } in columns {
        if mentions(quote!(#ty), &parameters) {
            clause.predicates.push(parse_quote!(#ty: #krate::ArrowField<#krate::encoding::#encoding>));
        }
    }
    for parameter in &parameters {
        clause.predicates.push(parse_quote!(#parameter: ::core::clone::Clone + ::core::marker::Send + 'static));
    }
    bounded
}

fn mentions(tokens: TokenStream, parameters: &[Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => parameters.contains(&ident),
        proc_macro2::TokenTree::Group(group) => mentions(group.stream(), parameters),
        _ => false,
    })
}
