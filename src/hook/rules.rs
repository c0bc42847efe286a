//! The packet filter of the host: what plugins leave in it is taken away again.
//!
//! Plugins make chains that all their networks share, and no plugin removes those. Some releases of `bridge` also leave
//! the rules of a container whose namespace has gone before. All is read by `iptables-save`, which changes nothing, and
//! removed by `iptables-restore`, which does all of it or nothing. What somebody else uses stays.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Error;
use super::argv::PATH;
use super::plugin::{self, Deadline};

/// The chains that the plugins `portmap` and `firewall` share among all containers.
const SHARED: [&str; 7] = [
    "CNI-HOSTPORT-DNAT",
    "CNI-HOSTPORT-MASQ",
    "CNI-HOSTPORT-SETMARK",
    "CNI-FORWARD",
    "CNI-ADMIN",
    "CNI-ISOLATION-STAGE-1",
    "CNI-ISOLATION-STAGE-2",
];

/// What they, and the jumps to them, are known by.
const COMMENTS: [&str; 2] = ["--comment \"CNI firewall plugin ", "--comment \"CNI portfwd "];

/// The rules of `portmap` without a comment.
const UNCOMMENTED: [&str; 3] = [
    "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE",
    "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
    "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
];

/// What all names of chains of plugins begin with.
const PREFIX: &str = "CNI-";

/// Where packets of one family are filtered.
#[derive(Clone, Copy)]
struct Family {
    save: &'static str,
    restore: &'static str,
    iptables: &'static str,
    /// As `nft` calls it.
    nft: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family { save: "iptables-save", restore: "iptables-restore", iptables: "iptables", nft: "ip" },
    Family { save: "ip6tables-save", restore: "ip6tables-restore", iptables: "ip6tables", nft: "ip6" },
];

/// The tables that were there before anything was attached, and the chains of plugins in them.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// What a family has.
#[derive(Default)]
struct Saved {
    tables: Vec<Table>,
    /// Whether `iptables` is a front end of nftables, where tables can be removed.
    is_nft: bool,
}

struct Table {
    name: String,
    /// With the policy; those that users made have none.
    chains: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

struct Rule {
    /// As it was added: `-A CHAIN …`.
    line: String,
    chain: String,
    target: String,
}

impl Before {
    pub fn look(until: Deadline) -> Result<Self, Error> {
        let mut before = BTreeMap::new();
        for family in FAMILIES {
            let tables = family.read(until)?.tables.into_iter().map(|table| {
                let chains = table.chains.into_keys().filter(|chain| chain.starts_with(PREFIX));
                (table.name, chains.collect())
            });
            before.insert(family.nft.to_owned(), tables.collect());
        }
        Ok(Before(before))
    }

    /// Removes the chains that plugins have made since then, and the tables, unless somebody else uses them.
    pub fn restore(&self, until: Deadline) -> Result<(), Error> {
        for family in FAMILIES {
            let none = BTreeMap::new();
            let before = self.0.get(family.nft).unwrap_or(&none);
            let saved = family.read(until)?;
            let mut script = String::new();
            for table in &saved.tables {
                let ours = table.unused(before.get(&table.name).unwrap_or(&BTreeSet::new()));
                table.removal(|rule| ours.contains(&rule.target), &ours, &mut script);
            }
            family.run(&script, until)?;
            if saved.is_nft {
                family.remove_empty_tables(before, until)?;
            }
        }
        Ok(())
    }
}

/// Removes what plugins have left of a container.
pub fn forget<'n>(
    networks: impl Iterator<Item = &'n str>,
    cni_id: &str,
    until: Deadline,
) -> Result<(), Error> {
    let marks: Vec<String> =
        networks.map(|network| format!("name: \\\"{network}\\\" id: \\\"{cni_id}\\\"\"")).collect();
    remove(|rule| marks.iter().any(|mark| rule.line.contains(mark)), until)
}

/// Removes the rules of a bridge that no container needs any more.
pub fn forget_bridge(bridge: &str, until: Deadline) -> Result<(), Error> {
    let starts = starts(bridge);
    remove(|rule| starts.iter().any(|start| rule.line.starts_with(start)), until)
}

/// Whether there are such rules.
pub fn are_of_bridge(bridge: &str, until: Deadline) -> Result<bool, Error> {
    let starts = starts(bridge);
    for family in FAMILIES {
        let tables = family.read(until)?.tables;
        let mut rules = tables.iter().flat_map(|table| &table.rules);
        if rules.any(|rule| starts.iter().any(|start| rule.line.starts_with(start))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the plugin `firewall` writes of a bridge, for all containers in it.
fn starts(bridge: &str) -> [String; 2] {
    [
        format!("-A CNI-ISOLATION-STAGE-1 -i {bridge} ! -o {bridge} "),
        format!("-A CNI-ISOLATION-STAGE-2 -o {bridge} "),
    ]
}

/// Removes rules, and the chains of single containers that they lead to.
fn remove(is_ours: impl Fn(&Rule) -> bool, until: Deadline) -> Result<(), Error> {
    for family in FAMILIES {
        let mut script = String::new();
        for table in family.read(until)?.tables {
            let ours = table.rules.iter().filter(|rule| is_ours(rule)).map(|rule| rule.target.clone());
            let is_single = |chain: &String| chain.starts_with(PREFIX) && !SHARED.contains(&&**chain);
            let chains = ours.filter(is_single).collect();
            table.removal(&is_ours, &chains, &mut script);
        }
        family.run(&script, until)?;
    }
    Ok(())
}

impl Family {
    /// A host without the program has no rules of it.
    fn read(self, until: Deadline) -> Result<Saved, Error> {
        if plugin::find(PATH, self.save).is_none() {
            return Ok(Saved::default());
        }
        let output = plugin::program(self.save, &[], b"", until)?;
        Ok(parse(&String::from_utf8_lossy(&output)))
    }

    fn run(self, script: &str, until: Deadline) -> Result<(), Error> {
        if script.is_empty() {
            return Ok(());
        }
        plugin::program(self.restore, &["--noflush", "--wait"], script.as_bytes(), until).map(drop)
    }

    /// First the chains, which nobody can do who overlooks a rule, and then the tables that have none any more.
    fn remove_empty_tables(
        self,
        before: &BTreeMap<String, BTreeSet<String>>,
        until: Deadline,
    ) -> Result<(), Error> {
        if plugin::find(PATH, "nft").is_none() {
            return Ok(());
        }
        for table in self.read(until)?.tables {
            let is_plain = table.rules.is_empty() && table.chains.values().all(|policy| policy == "ACCEPT");
            if before.contains_key(&table.name) || !is_plain {
                continue;
            }
            plugin::program(self.iptables, &["--wait", "-t", &table.name, "-X"], b"", until)?;
            let listed = plugin::program("nft", &["list", "table", self.nft, &table.name], b"", until)?;
            if !String::from_utf8_lossy(&listed).contains("chain ") {
                plugin::program("nft", &["delete", "table", self.nft, &table.name], b"", until)?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// The chains of plugins that were made since, and that nobody uses.
    fn unused(&self, before: &BTreeSet<String>) -> BTreeSet<String> {
        let made = self.chains.keys().filter(|chain| chain.starts_with(PREFIX) && !before.contains(*chain));
        let mut ours: BTreeSet<String> = made.cloned().collect();
        loop {
            let used: BTreeSet<&String> =
                self.rules.iter().filter_map(|rule| self.uses(rule, &ours)).collect();
            if used.is_empty() {
                return ours;
            }
            let used: BTreeSet<String> = used.into_iter().cloned().collect();
            ours.retain(|chain| !used.contains(chain));
        }
    }

    /// The chain that cannot go because of a rule.
    fn uses<'r>(&self, rule: &'r Rule, ours: &BTreeSet<String>) -> Option<&'r String> {
        let leads_on = rule.target.starts_with(PREFIX) && !ours.contains(&rule.target);
        let is_shared = SHARED.contains(&&*rule.chain);
        if ours.contains(&rule.chain) {
            // Chains of single containers go with all that is in them, unless somebody leads there.
            return (leads_on || (is_shared && !is_known(&rule.line))).then_some(&rule.chain);
        }
        let is_builtin = self.chains.get(&rule.chain).is_some_and(|policy| policy != "-");
        (ours.contains(&rule.target) && !(is_builtin && is_known(&rule.line))).then_some(&rule.target)
    }

    /// What removes rules and chains.
    fn removal(&self, is_ours: impl Fn(&Rule) -> bool, chains: &BTreeSet<String>, script: &mut String) {
        let rules = self.rules.iter().filter(|rule| is_ours(rule) && !chains.contains(&rule.chain));
        let mut lines: Vec<String> =
            rules.filter_map(|rule| Some(format!("-D{}", rule.line.strip_prefix("-A")?))).collect();
        for flag in ["-F", "-X"] {
            lines.extend(chains.iter().map(|chain| format!("{flag} {chain}")));
        }
        if !lines.is_empty() {
            script.extend(["*", &self.name, "\n", &lines.join("\n"), "\nCOMMIT\n"]);
        }
    }
}

/// Whether it is one of those that plugins write for all containers.
fn is_known(line: &str) -> bool {
    let is_of_one_bridge = line.contains(" -i ") || line.contains(" -o ");
    let has_comment = COMMENTS.iter().any(|comment| line.contains(comment));
    UNCOMMENTED.contains(&line) || (has_comment && !is_of_one_bridge)
}

/// The format of [iptables-save(8)](https://man7.org/linux/man-pages/man8/iptables-save.8.html).
fn parse(text: &str) -> Saved {
    let mut saved = Saved::default();
    for line in text.lines() {
        saved.is_nft |= line.starts_with('#') && line.contains("(nf_tables)");
        if let Some(name) = line.strip_prefix('*') {
            saved.tables.push(Table { name: name.to_owned(), chains: BTreeMap::new(), rules: Vec::new() });
        }
        let Some(table) = saved.tables.last_mut() else { continue };
        let mut words = line.split(' ');
        match words.next() {
            Some("-A") => {
                let chain = words.next().unwrap_or_default().to_owned();
                let target = line.rsplit_once(" -j ").and_then(|(_, target)| target.split(' ').next());
                let target = target.unwrap_or_default().to_owned();
                table.rules.push(Rule { line: line.to_owned(), chain, target });
            }
            Some(chain) => {
                if let (Some(chain), Some(policy)) = (chain.strip_prefix(':'), words.next()) {
                    table.chains.insert(chain.to_owned(), policy.to_owned());
                }
            }
            None => {}
        }
    }
    saved
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAT: &str = r#"# Generated by iptables-save v1.8.9 (nf_tables)
*nat
:PREROUTING ACCEPT [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-5a1527d2fe74c1a342e29c75 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A PREROUTING -s 10.0.0.2/32 -m comment --comment "name: \"n\" id: \"a\"" -j CNI-5a1527d2fe74c1a342e29c75
-A CNI-5a1527d2fe74c1a342e29c75 ! -d 224.0.0.0/4 -m comment --comment "name: \"n\" id: \"a\"" -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
COMMIT
"#;

    fn table(text: &str) -> Table {
        parse(text).tables.into_iter().next().unwrap()
    }

    fn unused(text: &str) -> Vec<String> {
        table(text).unused(&BTreeSet::new()).into_iter().collect()
    }

    #[test]
    fn chains_without_users_are_found() {
        assert!(parse(NAT).is_nft);
        // Somebody has rules for a container, so its chain stays.
        assert_eq!(unused(NAT), ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK"]);
        let with_admin = NAT.replace("COMMIT", "-A CNI-HOSTPORT-SETMARK -j ACCEPT\nCOMMIT");
        assert_eq!(unused(&with_admin), ["CNI-HOSTPORT-DNAT"]);
        let with_jump = NAT.replace("COMMIT", "-A PREROUTING -p tcp -j CNI-HOSTPORT-DNAT\nCOMMIT");
        assert_eq!(unused(&with_jump), ["CNI-HOSTPORT-SETMARK"]);
        assert_eq!(table(NAT).unused(&BTreeSet::from(["CNI-HOSTPORT-DNAT".to_owned()])).len(), 1);
    }

    #[test]
    fn an_administrator_keeps_what_leads_to_the_own_rules() {
        let filter = "*filter\n:FORWARD ACCEPT [0:0]\n:CNI-ADMIN - [0:0]\n:CNI-FORWARD - [0:0]\n\
            -A FORWARD -m comment --comment \"CNI firewall plugin rules\" -j CNI-FORWARD\n\
            -A CNI-FORWARD -m comment --comment \"CNI firewall plugin admin overrides\" -j CNI-ADMIN\n";
        assert_eq!(unused(filter), ["CNI-ADMIN", "CNI-FORWARD"]);
        assert_eq!(unused(&format!("{filter}-A CNI-ADMIN -s 10.0.0.1/32 -j DROP\n")), [""; 0]);
    }

    #[test]
    fn rules_go_before_the_chains_they_lead_to() {
        let table = table(NAT);
        let mut script = String::new();
        let chains = BTreeSet::from(["CNI-5a1527d2fe74c1a342e29c75".to_owned()]);
        table.removal(|rule| rule.line.contains("id: \\\"a\\\""), &chains, &mut script);
        let want = "*nat\n-D PREROUTING -s 10.0.0.2/32 -m comment --comment \"name: \\\"n\\\" id: \\\"a\\\"\" \
            -j CNI-5a1527d2fe74c1a342e29c75\n-F CNI-5a1527d2fe74c1a342e29c75\n\
            -X CNI-5a1527d2fe74c1a342e29c75\nCOMMIT\n";
        assert_eq!(script, want);
    }
}
