//! `ipam`: the addresses of a network, as far as somebody chose them.

use std::rc::Rc;

use crate::compose::decode::{Table, all, list, text, value};
use crate::compose::no_place;
use crate::compose::value::address::{Ip, Range};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::{Entry, Node};

/// A pool of addresses.
#[derive(Clone, Debug)]
pub struct Pool {
    /// All of them.
    pub subnet: Option<Spanned<Range>>,
    /// Those that containers get which ask for none.
    pub ip_range: Option<Spanned<Range>>,
    /// Whose address leads out.
    pub gateway: Option<Spanned<Ip>>,
    /// Addresses that nobody gets, by what has them.
    pub aux_addresses: Vec<Aux>,
    /// Where it is written.
    pub span: Span,
}

/// An address with the name of what has it.
type Aux = (Rc<str>, Spanned<Ip>);

pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Vec<Pool>, Reported> {
    let mut t = Table::new(d, node, "`ipam`")?;
    let pools = t.list(d, "config", list(pool));
    t.opt(d, "driver", driver);
    t.opt(d, "options", |d, node| {
        no_place::ipam_options(d, node);
        Ok(())
    });
    t.finish(d)?;
    Ok(pools)
}

fn pool(d: &mut Diagnostics, node: &Node) -> Result<Pool, Reported> {
    let mut t = Table::new(d, node, "a pool of addresses")?;
    let pool = Pool {
        subnet: t.opt(d, "subnet", value),
        ip_range: t.opt(d, "ip_range", value),
        gateway: t.opt(d, "gateway", value),
        aux_addresses: t.list(d, "aux_addresses", aux_addresses),
        span: node.span,
    };
    t.finish(d)?;
    Ok(pool)
}

fn aux_addresses(d: &mut Diagnostics, node: &Node) -> Result<Vec<Aux>, Reported> {
    let address = |d: &mut Diagnostics, entry: &Entry| Ok((Rc::clone(&entry.key), value(d, &entry.value)?));
    all(node.entries().iter().map(|entry| address(d, entry)))
}

fn driver(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let driver = text(d, node)?;
    if matches!(&*driver.value, "" | "default") {
        return Ok(());
    }
    let name = driver.value.escape_debug();
    let message = format!("nothing but the compiler gives out addresses, and not the driver `{name}`");
    Err(d.error(Code::NotSupported, message).label(driver.span, "").help("leave it away").emit())
}
