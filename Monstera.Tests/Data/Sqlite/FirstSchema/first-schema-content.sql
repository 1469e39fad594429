-- Rows as the first release wrote them. Never edited: later servers must read them.
INSERT INTO room (room_key, id, tenant, kind, name, name_folded, name_seq, topic, topic_seq, epoch, members, created_at) VALUES
    (1, x'01000000000070008000000000000002', x'01000000000070008000000000000001', 1, 'General', 'general', 1, NULL, 1, 1, 1, 1795255323456);
INSERT INTO event (room_key, seq, type, sender, at, kind, name) VALUES
    (1, 1, 1, x'01000000000070008000000000000003', 1795255323456, 1, 'General');
INSERT INTO event (room_key, seq, type, sender, at, subject, role) VALUES
    (1, 2, 10, x'01000000000070008000000000000003', 1795255323456, x'01000000000070008000000000000003', 3);
INSERT INTO event (room_key, seq, type, sender, at, client_id, text) VALUES
    (1, 3, 20, x'01000000000070008000000000000003', 1795255324456, x'01000000000070008000000000000009', 'first');
INSERT INTO event (room_key, seq, type, sender, at, target, text) VALUES
    (1, 4, 21, x'01000000000070008000000000000003', 1795255325456, 3, 'second');
INSERT INTO member (room_key, user, role, joined_seq, joined_at) VALUES (1, x'01000000000070008000000000000003', 3, 2, 1795255323456);
INSERT INTO message_state (room_key, seq, rev, edited_seq, pinned) VALUES (1, 3, 4, 4, 0);
INSERT INTO tenant (id, key, name, set_up) VALUES (x'01000000000070008000000000000001', 'default', 'Acme', 1);
INSERT INTO user (id, tenant, user_name, display_name, display_folded, role, created_at, password_hash) VALUES
    (x'01000000000070008000000000000003', x'01000000000070008000000000000001', 'owner', 'Owner', 'owner', 3, 1795255323456, 'hash');
