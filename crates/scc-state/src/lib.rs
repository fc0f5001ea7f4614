//! What scc remembers between commands: sessions, workspaces, the audit log; locked and atomic
