# Runs probes, each in a fresh copy of a repository, and says of each what came of it:
# name, what happened (done, nothing, absent), exit status, and what it printed; with tabs between.
set -u
root="$(mktemp -d /tmp/scc-probes-XXXXXX)"
case="$root/case"
export WORK="$case/work" REMOTE="$case/remote.git"
export GIT_AUTHOR_NAME=probe GIT_AUTHOR_EMAIL=probe@scc.invalid
export GIT_COMMITTER_NAME=probe GIT_COMMITTER_EMAIL=probe@scc.invalid
# What is pushed is told by the branch; these would only be in the way.
unset GIT_DIR GIT_WORK_TREE

prepare() {
    mkdir "$case" && git init --quiet --bare --initial-branch=main "$REMOTE" &&
    git --git-dir="$REMOTE" config receive.denyDeleteCurrent ignore &&
    git init --quiet --initial-branch=main "$WORK" && cd "$WORK" &&
    git remote add origin "$REMOTE" &&
    echo first > file && git add file && git commit --quiet --message=first &&
    echo second > file && git commit --quiet --all --message=second &&
    git push --quiet --set-upstream origin main &&
    git commit --quiet --amend --message='second, amended' &&
    echo 'uncommitted work' > file && echo 'not tracked' > untracked &&
    cd "$root" && cp -a case template
}

state() {
    git --git-dir="$root/case/remote.git" rev-parse --verify --quiet refs/heads/main
    cat "$WORK/file" "$WORK/untracked" "$case/marker"
}

attempt() {
    name="$1" program="$2" shell="$3"
    cat > "$root/script"
    if [ -n "$program" ] && ! command -v "$program" > /dev/null; then
        printf '%s\tabsent\t0\t\n' "$name"
        return
    fi
    rm -rf "$case" && cp -a "$root/template" "$case" && cd "$WORK" || exit 1
    before="$(state 2>&1)"
    timeout 60 bash $shell "$root/script" > "$root/said" 2>&1 < /dev/null
    status=$?
    cd "$root" && after="$(state 2>&1)"
    happened=nothing
    [ "$before" = "$after" ] || happened=done
    said="$(tr -s '\n\t\r' '   ' < "$root/said" | head -c 2000)"
    printf '%s\t%s\t%s\t%s\n' "$name" "$happened" "$status" "$said"
}

prepare > "$root/said" 2>&1 || { cat "$root/said" >&2; exit 1; }
