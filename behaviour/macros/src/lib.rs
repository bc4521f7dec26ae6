//! Attributes for the behaviour suite, which is one text for async and for blocking adapters.
//!
//! The text is written with `async` and `.await`. An async adapter takes it as it stands, a
//! blocking one without these words, so nothing else can differ:
//!
//! | text | without async |
//! |---|---|
//! | `async fn f()` | `fn f()` |
//! | `f().await` | `f()` |
//! | `async \|x\| …`, `async move \|x\| …` | `\|x\| …`, `move \|x\| …` |
//! | `async { … }`, `async move { … }` | `\|\| { … }`, `move \|\| { … }` |
//! | `AsyncFn`, `AsyncFnMut`, `AsyncFnOnce` | `Fn`, `FnMut`, `FnOnce` |
//!
//! A block that is to run later is a future or a closure, whichever the adapter's `spawn` wants.

use std::iter::Peekable;

use proc_macro::token_stream::IntoIter;
use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// The item as it stands.
#[proc_macro_attribute]
pub fn with_async(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// The item without async.
#[proc_macro_attribute]
pub fn without_async(_: TokenStream, item: TokenStream) -> TokenStream {
    strip(item)
}

/// Makes tests of an `async fn`: one, or with a parameter one for each sort of endpoint.
///
/// They are run by `crate::run`, with `#[case(clock)]` by `crate::run_on_clock`. Endpoints are
/// those of `crate::behaviour::endpoints`.
#[proc_macro_attribute]
pub fn case_with_async(runner: TokenStream, item: TokenStream) -> TokenStream {
    case(&runner, item, |tokens| tokens)
}

/// As [`macro@case_with_async`], without async.
#[proc_macro_attribute]
pub fn case_without_async(runner: TokenStream, item: TokenStream) -> TokenStream {
    case(&runner, strip(item), strip)
}

fn strip(tokens: TokenStream) -> TokenStream {
    let mut left = tokens.into_iter().peekable();
    let mut stripped = TokenStream::new();
    while let Some(token) = left.next() {
        match token {
            TokenTree::Punct(dot) if dot.as_char() == '.' && is(left.peek(), "await") => {
                left.next();
            }
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "async" => stripped.extend(block(&mut left)),
                "AsyncFn" => stripped.extend(ident("Fn", word.span())),
                "AsyncFnMut" => stripped.extend(ident("FnMut", word.span())),
                "AsyncFnOnce" => stripped.extend(ident("FnOnce", word.span())),
                _ => stripped.extend([TokenTree::Ident(word)]),
            },
            TokenTree::Group(group) => stripped.extend([TokenTree::Group(strip_group(&group))]),
            token => stripped.extend([token]),
        }
    }
    stripped
}

/// What stands for `async`, of which a block makes a closure.
fn block(left: &mut Peekable<IntoIter>) -> TokenStream {
    let mut tokens = TokenStream::new();
    if is(left.peek(), "move") {
        tokens.extend(left.next());
    }
    if let Some(TokenTree::Group(group)) = left.peek()
        && group.delimiter() == Delimiter::Brace
    {
        tokens.extend(parsed("||"));
    }
    tokens
}

fn strip_group(group: &Group) -> Group {
    let mut stripped = Group::new(group.delimiter(), strip(group.stream()));
    stripped.set_span(group.span());
    stripped
}

fn case(
    runner: &TokenStream,
    item: TokenStream,
    adapt: fn(TokenStream) -> TokenStream,
) -> TokenStream {
    let (mut conditions, mut name, mut takes_endpoint) = (TokenStream::new(), None, false);
    let mut left = item.clone().into_iter().peekable();
    while let Some(token) = left.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = left.next()
                    && is(attribute.stream().into_iter().next().as_ref(), "cfg")
                {
                    let attribute = TokenTree::Group(attribute);
                    conditions.extend([TokenTree::Punct(hash), attribute]);
                }
            }
            TokenTree::Ident(word) if word.to_string() == "fn" => {
                name = left.next();
                let parameters = left.next();
                takes_endpoint = matches!(parameters, Some(TokenTree::Group(parameters))
                    if !parameters.stream().is_empty());
                break;
            }
            _ => {}
        }
    }
    let Some(name) = name else {
        return parsed("compile_error!(\"a case is a function\");");
    };
    let run = match runner.to_string().as_str() {
        "" => "crate::run",
        "clock" => "crate::run_on_clock",
        _ => return parsed("compile_error!(\"write #[case] or #[case(clock)]\");"),
    };
    if !takes_endpoint {
        let mut body = item;
        body.extend(parsed(&format!("{run}({name});")));
        let mut test = conditions;
        test.extend(parsed(&format!("#[test] fn {name}()")));
        test.extend([TokenTree::Group(Group::new(Delimiter::Brace, body))]);
        return test;
    }
    let mut tests = item;
    tests.extend(conditions);
    tests.extend(parsed(&format!("mod {name}")));
    let endpoints = [
        ("tcp", ""),
        ("unix", ""),
        ("abstract_name", "#[cfg(target_os = \"linux\")]"),
    ];
    let endpoints = endpoints.map(|(sort, condition)| {
        format!(
            "{condition} #[test] fn {sort}() {{
                {run}(async || {{
                    super::{name}(&crate::behaviour::endpoints::{sort}()).await;
                }});
            }}"
        )
    });
    let endpoints = Group::new(Delimiter::Brace, adapt(parsed(&endpoints.concat())));
    tests.extend([TokenTree::Group(endpoints)]);
    tests
}

fn is(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident.to_string() == word)
}

fn ident(word: &str, span: Span) -> [TokenTree; 1] {
    [TokenTree::Ident(Ident::new(word, span))]
}

/// Tokens that are written here.
fn parsed(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
