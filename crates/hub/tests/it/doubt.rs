//! `tillbridge doubt`: why a payment is in doubt, in one command; asking the provider without a hub; a person's word.

use serde_json::{Value, json};

use crate::world::{World, on_both_engines, text};

on_both_engines!(
    one_command_tells_the_whole_story,
    the_provider_is_asked_from_the_command_line,
    a_person_resolves_what_the_hub_cannot_find_out,
    an_exception_about_money_is_resolved,
);

async fn one_command_tells_the_whole_story(world: World) {
    let id = world.begin_payment(world.shop.slow_to_settle, 1_909).await;
    world.wait_for_state(&id, "in_doubt").await;
    let program = world.program();
    let told = program.run(&format!("doubt why {id}")).await.expect(0);
    for words in [
        "in_doubt  ¥1,909  A shop",
        "Was the customer charged? Nobody knows yet.",
        "We do not know yet whether the customer was charged. Checking. Do not charge again.",
        &format!("asked sandbox for ¥1,909. The provider knows it as {id}-1."),
        "No clear answer came: it is not known whether the customer was charged.",
        "1. purchase over ¥1,909",
        "What the hub does next by itself",
        "It looks again at ",
        "Do not charge the customer again while this is open.",
        &format!("tillbridge doubt ask {id}"),
        &format!("the charge is {id}-1"),
        &format!("tillbridge doubt resolve {id} --outcome charged"),
    ] {
        assert!(told.contains(words), "no {words:?} in\n{told}");
    }
    let listed = program.run("doubt list --json").await.json();
    assert_eq!(listed["payments"][0]["id"], id.as_str());
    assert!(program.run("doubt list").await.expect(0).contains(&format!("{id}  in_doubt")));

    world.wait_for_state(&id, "reversed").await;
    let story = program.run(&format!("doubt why {id} --json")).await.json();
    assert_eq!((&story["is_in_doubt"], &story["customer_charged"]), (&json!(false), &json!("no")));
    let kinds: Vec<String> = story["told"].as_array().unwrap().iter().map(|told| text(&told["kind"])).collect();
    assert_eq!(kinds, world.events_of(&id).await, "each event has its sentence, in order");
    assert_eq!(story["for_a_person"], json!(["Nothing: it is settled."]));
    let told = program.run(&format!("doubt why {id}")).await.expect(0);
    assert!(
        told.contains("Was the customer charged? No.")
            && told.contains("reversal of ¥1,909, was asked for by the hub itself"),
        "{told}"
    );
    world.close().await;
}

async fn the_provider_is_asked_from_the_command_line(mut world: World) {
    let id = world.begin_payment(world.shop.slow_to_settle, 1_909).await;
    world.wait_for_state(&id, "in_doubt").await;
    world.stop().await;
    let program = world.program();
    let asked = program.run(&format!("doubt ask {id}")).await.expect(0);
    assert!(asked.starts_with("The provider was asked."), "{asked}");
    // No hub serves: whatever is found out and undone from here on is so by this command alone.
    let is_settled = async || {
        let story = program.run(&format!("doubt ask {id} --json")).await.json();
        story["state"] == "reversed" && story["customer_charged"] == "no"
    };
    world.wait_until("settled", is_settled).await;
    let again = program.run(&format!("doubt ask {id}")).await.expect(0);
    assert!(again.contains("There is no payment") || again.contains("Nothing: it is settled."), "{again}");

    // Without the provider's credentials it says so, and changes nothing.
    let secrets = std::mem::take(&mut world.settings_mut().provider.secrets);
    let refused = world.program().run(&format!("doubt ask {id}")).await.refused();
    assert!(refused.contains("no credentials"), "{refused}");
    world.settings_mut().provider.secrets = secrets;
    let unknown = program.run(&format!("doubt why pay_{:032x}", 1)).await.refused();
    assert!(unknown.contains("There is no payment"), "{unknown}");
    world.start().await;
    world.close().await;
}

async fn a_person_resolves_what_the_hub_cannot_find_out(world: World) {
    let id = world.begin_payment(world.shop.slip, 500).await;
    world.wait_for_state(&id, "needs_person").await;
    let program = world.program();
    let told = program.run(&format!("doubt why {id}")).await.expect(0);
    for words in [
        "Nobody has told how it went on the terminal.",
        "Look at the terminal's slip or journal",
        "Nothing: no operation waits for an answer that the hub could get by itself.",
    ] {
        assert!(told.contains(words), "no {words:?} in\n{told}");
    }
    let listed = program.run("doubt list --json").await.json();
    assert_eq!(listed["exceptions"][0]["subject"], id.as_str());
    let exception = text(&listed["exceptions"][0]["id"]);

    let refused = program.run(&format!("doubt resolve {id} --reason slip")).await.refused();
    assert!(refused.contains("--outcome"), "{refused}");
    let refused = program.run(&format!("doubt resolve {exception} --reason slip")).await.refused();
    assert!(refused.contains("Say how the payment ended"), "{refused}");
    let refused = program.run(&format!("doubt resolve {id} --outcome charged --reason x")).await.refused();
    assert!(refused.contains("reason"), "{refused}");

    let words = ["doubt", "resolve", &id, "--outcome", "charged", "--reason", "slip 0042 of the terminal"];
    let told = program.run_with(&words).await.expect(0);
    assert!(told.contains("Was the customer charged? Yes.") && told.contains("slip 0042 of the terminal"), "{told}");
    assert_eq!(world.payment(&id).await["state"], "captured");
    assert_eq!(
        program.run("doubt list").await.expect(0),
        "Nothing is in doubt, and nothing about money needs a person.\n"
    );
    world.close().await;
}

async fn an_exception_about_money_is_resolved(world: World) {
    let id = world.begin_payment(world.shop.careful, 1_911).await;
    let is_late = async || world.exceptions().await.iter().any(|(kind, _)| kind == "late_approval");
    world.wait_until("approved late", is_late).await;
    let program = world.program();
    let listed = program.run("doubt list --json").await.json();
    let late = |one: &&Value| one["kind"] == "late_approval";
    let late = listed["exceptions"].as_array().unwrap().iter().find(late).expect("it is listed").clone();
    assert_eq!((&late["subject"], &late["at_risk_minor"]), (&json!(id), &json!(1_911)));
    let told = program.run(&format!("doubt why {id}")).await.expect(0);
    assert!(told.contains("after everybody had been told that nothing was charged"), "{told}");
    let words = ["doubt", "resolve", &text(&late["id"]), "--reason", "given back in cash"];
    assert!(program.run_with(&words).await.expect(0).contains("Resolved: late_approval"));
    assert!(!is_late().await);
    let refused = program.run_with(&words).await.refused();
    assert!(refused.contains("resolved"), "{refused}");
    world.close().await;
}
