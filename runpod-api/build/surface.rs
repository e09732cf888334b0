//! The rules by which an addition to the contract is an addition to the bindings.

use std::collections::BTreeSet;

use syn::{
    Attribute, Expr, Field, Fields, FnArg, GenericArgument, Ident, ImplItem, ImplItemFn, Item, ItemImpl,
    ItemMod, ItemStruct, Lit, Meta, Pat, PathArguments, Type, parse_quote,
};

/// Names that a setter would hide or be taken for.
const NO_SETTERS: [&str; 6] = ["new", "default", "clone", "from", "into", "to_owned"];

/// Completes the types and the client; gives the operations that can be called without options.
pub(crate) fn complete(
    file: &mut syn::File,
    sent: &BTreeSet<String>,
    options: &BTreeSet<String>,
) -> Vec<String> {
    let mut plain = Vec::new();
    for item in &mut file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => types(module, sent, options),
            Item::Impl(client) if client.trait_.is_none() => plain.extend(plain_calls(client)),
            _ => {}
        }
    }
    plain
}

/// A name as far as types are told apart by it.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// No literal may list every field; what is sent has a constructor and setters in place of it.
fn types(module: &mut ItemMod, sent: &BTreeSet<String>, options: &BTreeSet<String>) {
    let Some((_, items)) = &mut module.content else { return };
    let mut more = Vec::new();
    for item in items.iter_mut() {
        if let Item::Struct(one) = item
            && matches!(one.fields, Fields::Named(_))
        {
            if options.contains(&plain(&one.ident.to_string())) {
                // Nobody reads them from JSON, and that is half of what they would cost to compile.
                one.attrs.retain(|attribute| {
                    !attribute.path().is_ident("derive") && !attribute.path().is_ident("serde")
                });
                one.attrs.push(parse_quote!(#[derive(::serde::Serialize, Clone, Debug, Default)]));
            }
            one.attrs.push(parse_quote!(#[non_exhaustive]));
            if sent.contains(&plain(&one.ident.to_string())) {
                more.push(Item::Impl(construction(one)));
            }
        }
    }
    items.extend(more);
}

fn construction(one: &ItemStruct) -> ItemImpl {
    let ident = &one.ident;
    let (must, may): (Vec<&Field>, Vec<&Field>) = one.fields.iter().partition(|field| is_required(field));
    let (names, types): (Vec<_>, Vec<_>) =
        must.iter().map(|field| (&field.ident, argument_type(&field.ty))).unzip();
    let others = may.iter().map(|field| &field.ident);
    let setters = may.iter().filter_map(|field| setter(field));
    parse_quote! {
        impl #ident {
            /// Has what is required and nothing else.
            #[must_use]
            pub fn new(#(#names: #types),*) -> Self {
                Self { #(#names: #names.into(),)* #(#others: ::std::default::Default::default(),)* }
            }
            #(#setters)*
        }
    }
}

fn setter(field: &Field) -> Option<ImplItemFn> {
    let name = field.ident.as_ref().filter(|name| !NO_SETTERS.iter().any(|taken| *name == taken))?;
    let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let (ty, value): (&Type, Expr) = match inside_option(&field.ty) {
        Some(inner) => (inner, parse_quote!(::std::option::Option::Some(#name.into()))),
        None => (&field.ty, parse_quote!(#name.into())),
    };
    let ty = argument_type(ty);
    Some(parse_quote! {
        #(#docs)*
        #[must_use]
        pub fn #name(mut self, #name: #ty) -> Self {
            self.#name = #value;
            self
        }
    })
}

/// The type by which a constructor or a setter takes a value. One whose bounds are part of its type is taken as it is: the
/// compiler then finds the bounds, and a caller's `try_from` or `parse` follows them when the contract moves.
fn argument_type(ty: &Type) -> Type {
    let bounded = |path: &syn::TypePath| {
        let last = path.path.segments.last();
        last.is_some_and(|segment| ["Int", "Num", "Secret"].iter().any(|name| segment.ident == name))
    };
    match ty {
        Type::Path(path) if bounded(path) => ty.clone(),
        _ => parse_quote!(impl ::std::convert::Into<#ty>),
    }
}

fn is_required(field: &Field) -> bool {
    let says = |attribute: &Attribute, word| matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string().contains(word));
    let may_lack =
        field.attrs.iter().any(|attribute| says(attribute, "default") || says(attribute, "flatten"));
    inside_option(&field.ty).is_none() && !may_lack
}

fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// Adds to every `x_with` that takes options an `x` that does not.
fn plain_calls(client: &mut ItemImpl) -> Vec<String> {
    let (mut calls, mut names) = (Vec::new(), Vec::new());
    for item in &mut client.items {
        let ImplItem::Fn(with) = item else { continue };
        let Some(name) = with.sig.ident.to_string().strip_suffix("_with").map(str::to_owned) else {
            continue;
        };
        let Some(at) = with.sig.inputs.iter().position(is_options) else { continue };
        let mut inputs: Vec<FnArg> = std::mem::take(&mut with.sig.inputs).into_iter().collect();
        let options = inputs.remove(at);
        calls.push(ImplItem::Fn(plain_call(with, &name, inputs.clone(), &options)));
        inputs.push(options);
        with.sig.inputs = inputs.into_iter().collect();
        names.push(name);
    }
    client.items.extend(calls);
    names
}

fn plain_call(with: &ImplItemFn, name: &str, inputs: Vec<FnArg>, options: &FnArg) -> ImplItemFn {
    let mut call = with.clone();
    let full = &with.sig.ident;
    let given = inputs.iter().filter_map(argument);
    let default: Expr = match options {
        FnArg::Typed(typed) => match &*typed.ty {
            Type::Reference(reference) => {
                let ty = &reference.elem;
                parse_quote!(&<#ty as ::std::default::Default>::default())
            }
            ty => parse_quote!(<#ty as ::std::default::Default>::default()),
        },
        FnArg::Receiver(_) => parse_quote!(()),
    };
    call.block = parse_quote!({ self.#full(#(#given,)* #default).await });
    call.sig.ident = Ident::new(name, full.span());
    call.sig.inputs = inputs.into_iter().collect();
    let told =
        without_options(&call.attrs) + &format!("\n\n[`Self::{full}`] takes what may be given besides.");
    call.attrs = vec![parse_quote!(#[doc = #told])];
    call
}

fn is_options(argument: &FnArg) -> bool {
    self::argument(argument).is_some_and(|name| name == "options")
}

fn argument(argument: &FnArg) -> Option<&Ident> {
    match argument {
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => Some(&name.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// The documentation, but for the argument that is not there.
fn without_options(attributes: &[Attribute]) -> String {
    let text = attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text = text.unwrap_or_default();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("- `options`")).collect();
    kept.join("\n").trim_end().trim_end_matches("Arguments:").trim_end().to_owned()
}
