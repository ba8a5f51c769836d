-- Nobody knows the password yet: who signed up by the portal chooses it with the mailed link.
ALTER TABLE account ADD COLUMN password_unset boolean NOT NULL DEFAULT false;
