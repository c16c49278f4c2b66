-- Old rows of these tables are found by their age (overdial maintain).

ALTER TABLE ccrepo.disposition_repo ADD KEY disposition_repo_age (datetime);
ALTER TABLE ccrepo.tags ADD KEY tags_time (datetime);
ALTER TABLE ccdata.uploads ADD KEY uploads_time (updated_at);
