//! The people of the demo. All of them are invented, and so are their addresses: those of networks are set
//! aside for documentation (RFC 5737, RFC 3849), those of mail are under `example.com` (RFC 2606).

use super::random::Random;

/// Somebody with an account.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) role: &'static str,
    pub(super) ip: &'static str,
    pub(super) agent: &'static str,
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const CURL: &str = "curl/8.10.1";

const fn person(
    (id, name, email): (&'static str, &'static str, &'static str),
    role: &'static str,
    ip: &'static str,
    agent: &'static str,
) -> Person {
    Person { id, name, email, role, ip, agent }
}

/// Acme makes lanterns.
pub(super) const ACME: &[Person] = &[
    person(("2", "Odile Marchetti", "odile@acme.example.com"), "administrator", "192.0.2.11", FIREFOX),
    person(("3", "Tobias Quist", "tobias@acme.example.com"), "editor", "192.0.2.12", CHROME),
    person(("4", "Nkechi Adaran", "nkechi@acme.example.com"), "editor", "192.0.2.13", SAFARI),
    person(("5", "Per Halvorsrud", "per@acme.example.com"), "author", "192.0.2.14", FIREFOX),
    person(("6", "Yuki Tanemura", "yuki@acme.example.com"), "author", "2001:db8:ac::16", SAFARI),
    person(("7", "Leila Farahmandi", "leila@acme.example.com"), "author", "192.0.2.17", CHROME),
    person(("8", "Bram Oosterlinck", "bram@acme.example.com"), "contributor", "192.0.2.18", CHROME),
    person(("9", "Ines Carvalhal", "ines@acme.example.com"), "shop_manager", "192.0.2.19", PHONE),
    person(("10", "Dov Steinmauer", "dov@acme.example.com"), "administrator", "2001:db8:ac::1a", FIREFOX),
    person(("11", "Maeve O'Tierney", "maeve@acme.example.com"), "editor", "192.0.2.21", SAFARI),
    person(("12", "Rafael Quintanar", "rafael@acme.example.com"), "author", "192.0.2.22", CHROME),
    person(("13", "Sunniva Brekkhus", "sunniva@acme.example.com"), "seo_editor", "192.0.2.23", CHROME),
];

/// Northwind sells tea and sends it by sea.
pub(super) const NORTHWIND: &[Person] = &[
    person(("u-101", "Marketa Doležel", "marketa@northwind.example.com"), "owner", "198.51.100.11", SAFARI),
    person(("u-102", "Gustav Ahlin", "gustav@northwind.example.com"), "admin", "198.51.100.12", FIREFOX),
    person(("u-103", "Priya Venkataswamy", "priya@northwind.example.com"), "admin", "2001:db8:20::3", CHROME),
    person(("u-104", "Elio Bassanini", "elio@northwind.example.com"), "editor", "198.51.100.14", SAFARI),
    person(("u-105", "Hanne Tvedt", "hanne@northwind.example.com"), "editor", "198.51.100.15", CHROME),
    person(("u-106", "Kwabena Osarfo", "kwabena@northwind.example.com"), "editor", "198.51.100.16", FIREFOX),
    person(("u-107", "Solveig Nyhus", "solveig@northwind.example.com"), "author", "198.51.100.17", CHROME),
    person(("u-108", "Anton Brezhko", "anton@northwind.example.com"), "author", "2001:db8:20::8", FIREFOX),
    person(("u-109", "Mei-Lin Zhuang", "meilin@northwind.example.com"), "author", "198.51.100.19", PHONE),
    person(("u-110", "Caspian Wray", "caspian@northwind.example.com"), "reviewer", "198.51.100.20", SAFARI),
    person(("u-111", "Teodora Pavlić", "teodora@northwind.example.com"), "viewer", "198.51.100.21", CHROME),
    person(("u-112", "Idris Belkacem", "idris@northwind.example.com"), "editor", "198.51.100.22", CHROME),
];

/// Fern carries telephone calls.
pub(super) const FERN: &[Person] = &[
    person(("1", "Roswitha Kemper", "roswitha@fern.example.com"), "root", "203.0.113.11", FIREFOX),
    person(("2", "Jago Penhale", "jago@fern.example.com"), "noc", "203.0.113.12", FIREFOX),
    person(("3", "Amara Diallobe", "amara@fern.example.com"), "noc", "2001:db8:fe::3", CHROME),
    person(("4", "Viggo Sandström", "viggo@fern.example.com"), "noc", "203.0.113.14", FIREFOX),
    person(("5", "Beatriz Lumbreras", "beatriz@fern.example.com"), "billing", "203.0.113.15", SAFARI),
    person(("6", "Oskar Wendelin", "oskar@fern.example.com"), "billing", "203.0.113.16", CHROME),
    person(("7", "Chiamaka Ezeudu", "chiamaka@fern.example.com"), "support", "203.0.113.17", CHROME),
    person(("8", "Rhodri Maddock", "rhodri@fern.example.com"), "support", "203.0.113.18", PHONE),
    person(("9", "Noor Haddadin", "noor@fern.example.com"), "rates", "203.0.113.19", SAFARI),
    person(("10", "Ferenc Balogi", "ferenc@fern.example.com"), "rates", "203.0.113.20", CHROME),
    person(("11", "Linnea Törnros", "linnea@fern.example.com"), "noc", "2001:db8:fe::b", FIREFOX),
    person(("12", "Silas Thorncroft", "silas@fern.example.com"), "developer", "203.0.113.22", CURL),
];

/// Customers of Fern, who change their own things in the portal.
pub(super) const FERN_CUSTOMERS: &[Person] = &[
    person(
        ("c-1001", "Wilhelmina Toss", "w.toss@bluefin-voice.example.com"),
        "customer",
        "198.51.100.71",
        CHROME,
    ),
    person(("c-1004", "Dario Quillfeather", "dario@quill.example.com"), "customer", "198.51.100.72", SAFARI),
    person(
        ("c-1005", "Hyacinth Obuya", "hyacinth@obuya-calls.example.com"),
        "customer",
        "2001:db8:c0::13",
        PHONE,
    ),
];

/// One of those whose role is among `roles`, or of all if no role is named.
pub(super) fn someone(random: &mut Random, people: &'static [Person], roles: &[&str]) -> &'static Person {
    let fits = |person: &&Person| roles.is_empty() || roles.contains(&person.role);
    let fitting: Vec<&Person> = people.iter().filter(fits).collect();
    random.pick(&fitting)
}
