-- Room for the next version of a row on its own page: each batch of calls changes many balances,
-- and no index has to follow a row that stays where it is.
ALTER TABLE balance SET (fillfactor = 25);
