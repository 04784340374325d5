//! `#[derive(ArrowRow)]`: a builder and a reader with one typed column for each field.

use crate::attributes::{ContainerAttributes, FieldAttributes};
use crate::krate::arrow_path;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, Result, Type, parse_quote};

struct Column<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    name: String,
    encoding: TokenStream,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = ContainerAttributes::parse(&input.attrs, "arrow", false)?;
    let krate = attributes.krate.unwrap_or_else(arrow_path);
    let (columns, skipped) = columns(input)?;
    let generics = bounded(&krate, &input.generics, &columns);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let row = &input.ident;
    let (builder, reader) = (format_ident!("{row}Builder"), format_ident!("{row}Reader"));
    let name: Vec<_> = columns.iter().map(|c| &c.name).collect();
    let ident: Vec<_> = columns.iter().map(|c| c.ident).collect();
    let ty: Vec<_> = columns.iter().map(|c| c.ty).collect();
    let place: Vec<_> = (0..columns.len()).collect();
    let builder_type: Vec<_> = columns.iter().map(|column| of_column(&krate, column, "Builder")).collect();
    let reader_type: Vec<_> = columns.iter().map(|column| of_column(&krate, column, "Reader")).collect();
    let row_column: Vec<_> = columns.iter().map(|column| row_column(&krate, column)).collect();
    // Builder and reader have a type parameter for each column, so that they are complete whatever the columns' types
    // are: a type that cannot be a column is told in few places, not wherever they are mentioned.
    let cell: Vec<_> = (0..columns.len()).map(|i| format_ident!("__Cell{i}")).collect();
    let with_cells = with_parameters(&generics, &cell);
    let (cells_impl, cells_ty, cells_where) = with_cells.split_for_impl();
    let arguments = arguments(&generics);
    let private = quote!(#krate::__private);

    Ok(quote! {
        const _: () = {
            #[doc(hidden)]
            #[allow(unreachable_pub)]
            pub struct #builder #cells_impl #cells_where {
                __rows: usize,
                __schema: #private::SchemaRef,
                __row: ::core::marker::PhantomData<fn() -> #row #ty_generics>,
                #(#ident: #cell,)*
            }

            #[automatically_derived]
            impl #cells_impl ::core::default::Default for #builder #cells_ty
            #cells_where #(#cell: ::core::default::Default,)*
            {
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
            impl #cells_impl #krate::RowBuilder<#row #ty_generics> for #builder #cells_ty
            #cells_where #(#cell: #krate::FieldBuilder<#ty>,)*
            {
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
            pub struct #reader #cells_impl #cells_where {
                __row: ::core::marker::PhantomData<fn() -> #row #ty_generics>,
                #(#ident: #private::ColumnReader<#ty, #cell>,)*
            }

            #[automatically_derived]
            impl #cells_impl #krate::RowReader<#row #ty_generics> for #reader #cells_ty
            #cells_where #(#cell: #krate::FieldReader<#ty>,)*
            {
                fn bind(
                    batch: &#private::RecordBatch,
                    columns: &[#krate::RowColumn],
                ) -> #private::Result<Self> {
                    ::core::result::Result::Ok(Self {
                        __row: ::core::marker::PhantomData,
                        #(#ident: #private::bind(batch, columns, #place, #name)?,)*
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
                type Builder = #builder<#(#arguments,)* #(#builder_type),*>;
                type Reader = #reader<#(#arguments,)* #(#reader_type),*>;

                fn columns() -> ::std::vec::Vec<#krate::RowColumn> {
                    ::std::vec![#(#row_column),*]
                }
            }
        };
    })
}

/// `<Type as ArrowField<Encoding>>::{name}`, with the span of the field's type, so that errors point to it.
fn of_column(krate: &TokenStream, Column { ty, encoding, .. }: &Column<'_>, name: &str) -> TokenStream {
    let (krate, encoding) = (with_span(krate.clone(), ty.span()), with_span(encoding.clone(), ty.span()));
    let name = Ident::new(name, ty.span());
    quote_spanned!(ty.span()=> <#ty as #krate::ArrowField<#krate::encoding::#encoding>>::#name)
}

fn row_column(krate: &TokenStream, Column { ty, encoding, name, .. }: &Column<'_>) -> TokenStream {
    let (krate, encoding) = (with_span(krate.clone(), ty.span()), with_span(encoding.clone(), ty.span()));
    quote_spanned!(ty.span()=> #krate::RowColumn::of::<#ty, #krate::encoding::#encoding>(#name))
}

/// The generics with more type parameters, and a where clause to which more can be added.
fn with_parameters(generics: &Generics, more: &[Ident]) -> Generics {
    let mut generics = generics.clone();
    generics.params.extend(more.iter().map(|ident| -> GenericParam { parse_quote!(#ident) }));
    let clause = generics.make_where_clause();
    if clause.predicates.is_empty() {
        clause.predicates.push(parse_quote!((): ::core::marker::Sized)); // else `where` would not be printed
    }
    if !clause.predicates.trailing_punct() {
        clause.predicates.push_punct(Default::default());
    }
    generics
}

/// The parameters as arguments.
fn arguments(generics: &Generics) -> Vec<TokenStream> {
    let argument = |parameter: &GenericParam| match parameter {
        GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_token_stream(),
        GenericParam::Type(ty) => ty.ident.to_token_stream(),
        GenericParam::Const(constant) => constant.ident.to_token_stream(),
    };
    generics.params.iter().map(argument).collect()
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
        TokenTree::Ident(ident) => parameters.contains(&ident),
        TokenTree::Group(group) => mentions(group.stream(), parameters),
        _ => false,
    })
}

/// The tokens as if they stood at `span`.
fn with_span(tokens: TokenStream, span: Span) -> TokenStream {
    let one = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), with_span(group.stream(), span)).into();
        }
        token.set_span(span);
        token
    };
    tokens.into_iter().map(one).collect()
}
