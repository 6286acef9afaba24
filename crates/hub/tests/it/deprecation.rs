//! What is going says so in each of its answers, and `openapi.yaml` says the same.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hub::http::deprecation::Deprecation;
use hub::http::{Route, router_of, routes};
use jiff::civil::date;
use tower::ServiceExt;

use crate::support::contract::document;
use crate::support::{On, TestHub};

on_each_engine! {
    a_route_that_is_going_says_so_whatever_it_answers,
}

const GOING: Deprecation =
    Deprecation { since: date(2026, 1, 1), gone_from: date(2027, 7, 1), instead: "createExchange" };

#[test]
fn the_document_and_the_table_agree_on_what_is_going() {
    for route in routes() {
        let operation = &document()["paths"][route.path][route.method.as_str().to_lowercase()];
        let is_marked = operation["deprecated"] == true;
        let place = format!("{} {}", route.method, route.path);
        assert_eq!(route.deprecation.is_some(), is_marked, "{place}: `deprecated` in openapi.yaml and in the table");
        if let Some(going) = route.deprecation {
            assert!(going.is_in_time(), "{place} goes sooner than was promised");
            assert!(has_operation(going.instead), "{place}: there is no operation `{}` to use instead", going.instead);
        }
    }
    assert!(has_operation(GOING.instead) && !has_operation("nothing"));
}

fn has_operation(id: &str) -> bool {
    let items = document()["paths"].as_object().unwrap().values();
    items.flat_map(|item| item.as_object().unwrap().values()).any(|operation| operation["operationId"] == id)
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn a_route_that_is_going_says_so_whatever_it_answers(on: On) {
    let hub = TestHub::start(on).await;
    let table = || {
        vec![
            Route::get("/v1/old", async || "still here").deprecated(GOING),
            Route::post("/v1/old", async || "not going"),
            Route::get("/v1/old/broken", async || StatusCode::NOT_FOUND).deprecated(GOING),
            Route::get("/v1/new", async || "new"),
        ]
    };
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router_of(table(), hub.running.app.clone()).oneshot(request).await.unwrap()
    };
    for (path, status) in [("/v1/old", 200), ("/v1/old/broken", 404)] {
        let answer = ask("GET", path).await;
        assert_eq!(answer.status(), status);
        assert_eq!(header(&answer, "deprecation"), "@1767225600");
        assert_eq!(header(&answer, "sunset"), "Thu, 01 Jul 2027 00:00:00 GMT");
        let link = "</docs#createExchange>; rel=\"deprecation\", </docs#createExchange>; rel=\"successor-version\"";
        assert_eq!(header(&answer, "link"), link);
        assert!(!header(&answer, "x-request-id").is_empty());
    }
    for (method, path, status) in [("GET", "/v1/new", 200), ("POST", "/v1/old", 200), ("PUT", "/v1/old", 405)] {
        let answer = ask(method, path).await;
        assert_eq!(answer.status(), status);
        for name in ["deprecation", "sunset", "link"] {
            assert_eq!(header(&answer, name), "", "{method} {path} is not going");
        }
    }
    hub.stop().await;
}
