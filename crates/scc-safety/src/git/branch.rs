//! `git branch`, `git tag`.

use crate::git::Call;
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;

pub(super) const BRANCH: Table = Table::new(
    "v,verbose q,quiet t,track? set-upstream u,set-upstream-to= unset-upstream color? r,remotes \
     contains= no-contains= with= without= abbrev? a,all d,delete D m,move M omit-empty c,copy C \
     l,list show-current create-reflog edit-description f,force merged? no-merged? column? sort= \
     points-at= i,ignore-case recurse-submodules format=",
);

pub(super) const TAG: Table = Table::new(
    "l,list n? d,delete v,verify a,annotate m,message= F,file= trailer= e,edit s,sign cleanup= \
     u,local-user= f,force create-reflog column? contains= no-contains= with= without= merged? \
     no-merged? omit-empty sort= points-at= format= color? i,ignore-case",
);

/// More branches than anybody deletes by name.
const ANY: usize = usize::MAX;

pub(super) fn branch(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(BRANCH);
    if parsed.help {
        return;
    }
    let forced = parsed.on("force").is_some();
    if call.find_option(judge, &parsed, "D", rules::BRANCH_DELETE) {
        return;
    }
    if parsed.on("delete").is_some() {
        if forced {
            call.find_option(judge, &parsed, "force", rules::BRANCH_DELETE);
        }
        return call.find_stray(judge, &parsed, ANY, rules::BRANCH_UNKNOWN);
    }
    let moves = parsed.on("move").is_some() || parsed.on("copy").is_some();
    for option in ["M", "C", "force"] {
        let target = if option == "force" && !moves {
            0
        } else {
            parsed.operands.len().saturating_sub(1)
        };
        if parsed.on(option).is_some() && overwrites(judge, call, &parsed, target) {
            call.find_option(judge, &parsed, option, rules::BRANCH_OVERWRITE);
        }
    }
    call.find_stray(judge, &parsed, 2, rules::BRANCH_UNKNOWN);
}

/// The branch that the operand names is there, or may be, and is not the one that is moved.
fn overwrites(judge: &Judge<'_>, call: &Call<'_>, parsed: &Parsed, target: usize) -> bool {
    let Some(name) = call.operand(parsed, target) else {
        return false;
    };
    if [
        "list",
        "show-current",
        "set-upstream-to",
        "unset-upstream",
        "edit-description",
    ]
    .iter()
    .any(|option| parsed.surely_on(option))
    {
        return false;
    }
    // `git branch -M main` on main changes nothing.
    let renames_itself = parsed.operands.len() == 1
        && parsed.on("force").is_none()
        && judge
            .world
            .current_branch(&call.invocation.globals)
            .is_some_and(|own| name.is(&own));
    !renames_itself && call.may_exist(judge, "heads", name)
}

pub(super) fn tag(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(TAG);
    if parsed.help {
        return;
    }
    call.find_option(judge, &parsed, "delete", rules::TAG_DELETE);
    let lists = [
        "list",
        "n",
        "verify",
        "delete",
        "contains",
        "no-contains",
        "merged",
        "points-at",
    ];
    let creates = !lists.iter().any(|option| parsed.surely_on(option));
    if let Some(name) = call.operand(&parsed, 0)
        && creates
        && parsed.on("force").is_some()
        && call.may_exist(judge, "tags", name)
    {
        call.find_option(judge, &parsed, "force", rules::TAG_FORCE);
    }
    call.find_stray(judge, &parsed, 2, rules::HISTORY_UNKNOWN);
}
