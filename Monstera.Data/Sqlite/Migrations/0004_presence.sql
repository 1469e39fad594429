-- What a user wants others to see: 0 what is so, 1 away, 2 invisible; and how often that was set.
ALTER TABLE user ADD COLUMN presence INTEGER NOT NULL DEFAULT 0 CHECK (presence BETWEEN 0 AND 2);
ALTER TABLE user ADD COLUMN presence_version INTEGER NOT NULL DEFAULT 0;
