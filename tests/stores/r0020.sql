BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	reach JSON, 
	password_hash TEXT NOT NULL, 
	must_change BOOLEAN NOT NULL, 
	totp_closed BLOB, 
	totp_step BIGINT, 
	made_ms BIGINT NOT NULL, 
	signed_in_ms BIGINT, 
	ended_ms BIGINT, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_name UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$k15FVk6ubywXaCrvbEh74Q$rxjdSInF7prQyl5UzMt6f2lgOOAVrkOgcAMsHRmxHvU',1,X'01CA297EB71A8EBB68E5BD74D1C3A2CC6192C974CF4D999E726E489CC364BB4CD1BB6563CC96149BF3C6E1DAED647831ECC6E912BEA47FFA55805885D7',58000000,1767697854000,1767697854000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$awKkGb6kcvym7XKXwM4cfQ$tUU/X/0hFbTvA2UxCMCX+e76zTzjkOinDcyyRq9Ba9Q',1,NULL,NULL,1767697854000,NULL,1767697855000);
CREATE TABLE acts (
	id INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	operator TEXT NOT NULL, 
	act VARCHAR(32) NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail JSON NOT NULL, 
	hash BLOB NOT NULL, 
	CONSTRAINT pk_acts PRIMARY KEY (id)
);
INSERT INTO "acts" VALUES(1,1767611400000,'operator','clock_retirement_ordered','clock 2','worn out','{}',X'CE38C45E1673DC9B4EB9442FD4C00EC4232695829B113E30448FD6E5BD28F685');
INSERT INTO "acts" VALUES(2,1767611400000,'tests','worker_changed','worker 1','','{"changed": ["language"]}',X'0A3731E2884608B99B1FAFB689D14C1D12625AFEEFABAFBFD2349210C56EA86F');
INSERT INTO "acts" VALUES(3,1767611403000,'operator','clock_settings_ordered','clock 8','','{"volume": 2}',X'32EFEE079BBBBBD399996DB8D225857225C01F1FF9F50F7F13436285718ABA30');
INSERT INTO "acts" VALUES(4,1767611403000,'operator','clock_ordered','clock 9','for the tests','{"command": "self-test"}',X'4DA81EDED8DDF64B53E4583D262CEBD3F774E46D07948A0E753F8D57C72F70EB');
INSERT INTO "acts" VALUES(5,1767611419000,'operator','presence_corrected','presence 1','it was another worker','{"code": "PLANNING", "before": {"state": "VALIDATED", "worker": 1, "site": 1, "way": ""}, "replacement": null, "after": {"worker": 4, "site": 1, "way": ""}}',X'650DB4731973DE1176ACB465B9E384BF4EAE2C91C0F355A0BD966613CFEF4F0B');
INSERT INTO "acts" VALUES(6,1767611435000,'operator','punch_closed','clock 1','it was declared by hand','{"seq": 5}',X'E799C30D5C813C69A5DA300B14C6E74932B4433522CF843FA123F972808EAF0F');
INSERT INTO "acts" VALUES(7,1767611435000,'operator','site_added','site 3','for the tests','{"after": {"name": "Yard 5", "workplace": "1Y1TEST00003Z", "regime": "meat", "time_zone": "Europe/Brussels", "address": {"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"], "longest_shift_h": 12, "night_hours": null, "next_regime": null, "regime_from": null}}',X'F6FD2ABC4A90B0109B93EB88E6E8BC112C87F5D661C3F0BA506DA7B1B66A2C8D');
INSERT INTO "acts" VALUES(8,1767611435000,'operator','token_made','token 1','for the tests','{"name": "planner", "scopes": ["planning:read", "planning:write", "presences:read", "status:read"], "days": 365}',X'7C39A7EB4DFF03330B0B012B78199D361348FA1A866E78145F87C2CDB2482C3F');
INSERT INTO "acts" VALUES(9,1767611437000,'operator','token_revoked','token 1','for the tests','{"name": "planner"}',X'595AEBD0C73A62EF5707A5A81B4D27734D657B9FD9A7BEBB43E34E36F2E8998D');
INSERT INTO "acts" VALUES(10,1767611435000,'operator','token_made','token 2','for the tests','{"name": "planner", "scopes": ["planning:read"], "days": 365, "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'B586445801289756F8B66A72BA9A5EC8A6D43B25C66DA54776BCDDA4FE4E942A');
INSERT INTO "acts" VALUES(11,1767611435000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": "2027-01-01", "to": "2027-01-01", "sites": ["Quay 7"]}}',X'AABE22BDBB6627FBB54674CFE43C6235D9E9917929DDA75CA50EC265ED2802BF');
INSERT INTO "acts" VALUES(12,1767611435000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": null, "to": null, "sites": []}}',X'192BAFFCB82E8DAF96124340B05500B490398283A5B353D14C744BE5EEC75F00');
INSERT INTO "acts" VALUES(13,1767611435000,'operator','presence_kept','presence 2','the worker was there','{"assumed": "no_in"}',X'3BCFD21BBA6BA48AFDDDAB2021DA27D93CEB1D8D6360649EB0F07B9EBB4BB29A');
INSERT INTO "acts" VALUES(14,1767611435000,'operator','presence_corrected','presence 7','it was another way','{"code": "PLANNING", "before": {"state": "QUEUED", "worker": 2, "site": 2, "way": "out"}, "replacement": 7, "after": {"worker": 2, "site": 2, "way": "in"}}',X'DF78BA54E558FE10E56179BC2F255FED85A96584163A9A0CFBD1ED6738BC2484');
INSERT INTO "acts" VALUES(15,1767611454000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'7BB7A18AA719D172101FE86A6264F59B7299ED1118B59B6AA1C057C1E8CC555C');
INSERT INTO "acts" VALUES(16,1767697854000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'946B3FC25701ABD64FEB5BE88182DD88D1E1B23D504D544F17C7265298629847');
INSERT INTO "acts" VALUES(17,1767697854000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'02204A022E54D22CFBD1B42BEDCB0FEE9EE3A8E152A71718C912C8585C276EBD');
INSERT INTO "acts" VALUES(18,1767697854000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'C4DC54162AC676DD30EBFF7154A9FFDB5C13BA451D763FDD3AC65EC67D0AD819');
INSERT INTO "acts" VALUES(19,1767697855000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'751F894D04E2A4D28E035256E38312D728E6B9B5A666A7E67E4F69A0EB99CFC9');
INSERT INTO "acts" VALUES(20,1767697854000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'E8B943213BF835CDF5C158B11745A880C7E067A3815C486A856756450A2AC053');
INSERT INTO "acts" VALUES(21,1767697854000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'E57ACA73800BB4D7C234A92A2D9E88FE4D6D330DA7FBC7B0C8D6F4B23449E6F2');
INSERT INTO "acts" VALUES(22,1767697854000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'E16BDE57F961DBD19EED01D5323F5C453480898E24AB1F41A6C11B430D2682E3');
INSERT INTO "acts" VALUES(23,1767697854000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'7796F99E88A6E2F18F11248ACBCFB7D5CC4F1A0343C7CA84930C731D97ED11E2');
INSERT INTO "acts" VALUES(24,1767697855000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'2D1D154F955F889BF53DD61AF4DD95B0203BA2F4244A9B53AAC43B1E76E14F32');
INSERT INTO "acts" VALUES(25,1767697854000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'BF0EA013C40E6D36F22DA55B67AAE834D871577CA8A2E912F2A4F66EC12DE797');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0020_notices');
CREATE TABLE api_tokens (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	scopes JSON NOT NULL, 
	made_by TEXT NOT NULL, 
	made_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	revoked_ms BIGINT, 
	used_ms BIGINT, reach JSON, 
	CONSTRAINT pk_api_tokens PRIMARY KEY (id)
);
INSERT INTO "api_tokens" VALUES(1,'planner',X'8501C7CC797B1DE74A2F8B7E9F9DEDCC239BB09565E8822B76FC8F19897293B6','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611435000,1799147435000,1767611437000,1767611436000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'05A843BF1E24C321092988E0AF57124985B0F997E92EA0D99EFA4B96850DC5B8','["planning:read"]','operator',1767611435000,1799147435000,NULL,NULL,'{"sites": [1], "employers": [1]}');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	call VARCHAR(32) NOT NULL, 
	request_hash BLOB NOT NULL, 
	sent_ms BIGINT NOT NULL, 
	answered_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_attempts_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id)
);
INSERT INTO "attempts" VALUES(1,1,'ddf4b2256471b0fd',X'003883534A1CA34C7A350E38E9043F1A',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'ddf4b2256471b0fd',X'003883534A1CA34C7A350E38E9043F1A',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'ddf4b2256471b0fd',X'003883534A1CA34C7A350E38E9043F1A',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'9cfefaafddce450a',X'A2A16E14C51E54D3E7D1B01D67B5B175',1767611407000,1767611414000,'registered');
INSERT INTO "attempts" VALUES(5,5,'b7353f0784cb40a4',X'4F6263E0251EB5F385B656620BF7C5C3',1767611430000,1767611434000,'refused');
INSERT INTO "attempts" VALUES(6,7,'35e996ad655af20b',X'51415CD03C1FEE7B7910AE2D88BC1536',1767611439000,1767611446000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'1b8a8f78dae3f8e2',X'51415CD03C1FEE7B7910AE2D88BC1536',1767611447000,1767611451000,'registered');
CREATE TABLE "badges" (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	worker_id INTEGER NOT NULL, 
	since_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	engagement_id INTEGER, form SMALLINT, issue BLOB, card BLOB, token_before BLOB, 
	CONSTRAINT pk_badges PRIMARY KEY (id), 
	CONSTRAINT fk_badges_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_badges_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_badges_engagement_id FOREIGN KEY(engagement_id) REFERENCES engagements (id)
);
INSERT INTO "badges" VALUES(1,1,X'3CA31AD8EB399F2B',1,1767610800000,NULL,NULL,NULL,NULL,NULL,X'A4797DD069B0E4FD');
INSERT INTO "badges" VALUES(2,1,X'CA750852E215F1D3',2,1767610800000,NULL,NULL,NULL,NULL,NULL,X'7822EB2A95BAD765');
INSERT INTO "badges" VALUES(3,1,X'91E6AC2491F6D2B9',3,1767610800000,NULL,NULL,NULL,NULL,NULL,X'A7BE714731B02CDD');
INSERT INTO "badges" VALUES(4,1,X'64C8F626B422F204',2,1767611400000,1767611400000,NULL,NULL,NULL,NULL,X'61F03C3E11268842');
INSERT INTO "badges" VALUES(5,1,X'64C8F626B422F204',3,1767611400000,NULL,NULL,NULL,NULL,NULL,X'61F03C3E11268842');
INSERT INTO "badges" VALUES(6,2,X'A4797DD069B0E4FD',1,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(7,2,X'7822EB2A95BAD765',2,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(8,2,X'A7BE714731B02CDD',3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "badges" VALUES(9,1,X'DD70592E5F7C9D02',2,1767611435000,NULL,2,NULL,NULL,NULL,X'1D56AE37A4319B62');
INSERT INTO "badges" VALUES(10,1,X'0D39E145FEE6E892',4,1767611435000,NULL,NULL,NULL,NULL,NULL,X'B758A5194F3FE8D8');
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697854000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
CREATE TABLE clocks (
	id INTEGER NOT NULL, 
	name VARCHAR(23) NOT NULL, 
	site_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	certificate_sha256 VARCHAR(64), 
	link_key_closed BLOB NOT NULL, 
	next_seq BIGINT NOT NULL, 
	boot INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	epoch_records BIGINT NOT NULL, 
	keys_closed BLOB NOT NULL, 
	tag BLOB NOT NULL, 
	genesis BLOB NOT NULL, 
	failing_seq BIGINT, 
	failing_times INTEGER NOT NULL, 
	status_counter BLOB NOT NULL, 
	session BLOB, 
	online BOOLEAN NOT NULL, 
	sealed BOOLEAN NOT NULL, 
	status JSON, 
	status_ms BIGINT, 
	receipt_last BIGINT NOT NULL, 
	counter_reserved BIGINT NOT NULL, gap_seq BIGINT, gap_times INTEGER DEFAULT '0' NOT NULL, gap_since_ms BIGINT, held_reason VARCHAR(32), held_ms BIGINT, kept INTEGER DEFAULT '0' NOT NULL, ack_limit BIGINT, shown BIGINT, founded_anew BOOLEAN DEFAULT 0 NOT NULL, roster_version BIGINT DEFAULT '0' NOT NULL, roster_of BIGINT, roster_ms BIGINT, roster_told BIGINT, settings_version BIGINT DEFAULT '0' NOT NULL, settings_wanted JSON, settings_told BIGINT, settings_refused BIGINT, standing JSON, added_ms BIGINT, site_keys SMALLINT DEFAULT '1' NOT NULL, roster_keys SMALLINT DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_clocks PRIMARY KEY (id), 
	CONSTRAINT fk_clocks_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0132B715B5CA71FAAD83E83319932966EDCDD8BAA98F6626961297F6478793FEEB6E8E0D66F8BD86946C723AA177E2C218066C87C8260686739F932801',10,2,1,3,X'01F0A95D924CFE84EA5491052EAA2420331FDA1C355A0FA6564A9BCDFB52058CB97925EDFE7FB6078C8A5450B2C3721BCC8DA7E3CE3886AB36DA7AFAB78A70445F622EF09B3F96A1D0184BBD37075F5B05FC8EDDB39E380335E9B632BD',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'010BC767EDFCD5C786CA4F64214D9EC73D4252DFDB955CCB64B9B6B5856374F3D0D0B541CC6B3ED8671E6AC8571604417CEAE57FBA568DEA9C3756E4A7',3,1,0,3,X'01858BBC84BC388CB1E74D379AAF1D764F2101E3D9F4FA2FAF71B9B829BF577FAA426AE0EFC61D6131ACEECBBC6D7157EA9490B3057BB5F36D97C3579EFA0AD79CA1750CA2B5EE1083013B41746E6C3C185E28823A3FE1FA9D03DAF2B9',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'016FCF9CD2C8D6837F40BDF27E831183946F7C4957A74B031B077402FC71D4B0E7EEF8074C2239E1D76EB4BF525A1640AD7A9875EE95013594F15B955F',3,1,0,3,X'0161DEE7FF0549CDBC54712A41315169E2589BFFAE9CAA4D5CF99A3FB2',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'016023B62CEA8B956DAE7E0B24754A9110C169BFCEADA772E3E9B5EE3C414BC39AA1D28DE846B121B9C0D6458609A0E8F0DD1EEA5DE947F73250FFA94B',2,1,0,2,X'01D8C15BC2143B1A82EC5C75EC44C62EC27BD700EA2D53DE479F208CCB7F71D0FA6838EF28DA1449A3188BD41E7B413D39695020263CD0BC59A7A063442361B6FA75209E4C1042DC8C4F82B8582C4FF231688A6965632EC96F308E6337',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01602BDD0BB382D253EEFD8ED5A0F19ADD0F1C670FB5C85D292702072405B69E9D5595F7ADB1DE7DBA36AD5D87DDBFE3B64519A1754CFDEF96248CCF80',2,1,0,2,X'01BBFD36A2986F8B21F8F51CBBB60EBCC4D5FACDD24739210F41D59E4B6E5669AA265E7D6806AEFB3A35C6C43C3C136FBBCDD29FEEE608DD0D71ED9E7BAD542E59053D8E1A5B11A0990AF70F2DC43AB20D7E76D301FF72457E0C0F8A6C',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'016066160A67C82BDB31DD3EDAAB3CE01EC9D83BE6344E9752D125A4ED6A4C0250DA9C50CB9F5516E43D238F19C55D16F8D17426007FAF48C674B07D7F',2,1,0,2,X'019F31B23BE8BD5D92C4DE92C5FC4386A731E7343EB29F497C7E4A239EC6E4E54210FB679E30BEC3BF8A5802885DCEE9A82C31C65D4E1A46D06D47E1F0646E7060FB1E3312E25BA81B163D6AE1631EAD78539D4A743936309BCCC96BF5',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'0171ACE58A48C30FD9AF7C939B42B94A5FD8992E00A5F0C510069D86392E190C4E859F2C53E5DA1173F1FE5804F40D06FDF815FD15F4F827F865EAE4BA',3,1,0,3,X'0182076DD565CEB6C855ABBF337921A21841D2C7F9F941C8BAA9922BFB1DDB6F1BBBEB7E42028E8CBC2D41802A931F36760183CE81FB1F7A8606F25DDC8736A7F25C6BA4B835DE54ECDAFEE4488E6305B627221D5BDDCADF57BFC40686',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01488A2F4408DE6466AE98ED0971E99837F921751B39D7B771F68DBFF2A6437FD2C637772E3103ACCB95F3828435010C1D66EF0F39A85677ACA84EE877',2,1,0,2,X'01B069F5F16FC567DBC991523D2ECADB664F8F3D8F520A1AB06E33159E62B050AED02FA2FD7E327EE1BA2B8659F1CB5983DA3CE62057AF6E3087ECE68284D26F193D29FCD7BCA901A002402FCEBF390CAE2B59E9F771289CCC4F654735',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'019808713913E3A346B3A052535E12697E0235BA84D5ECCF9A08D53D7191BF92AC276668CBD007204E5CB155B35FF8CC215A603335B318C09C726D7D43',2,1,0,2,X'0158BAAEE0CC9D0A8C0D806AC347699959D6EBD9433D430A99B27DA6A318034B87FFBF1E26B353BA8A72BB50FEF04CC0C607B2D88F4F57F9ED72BA38626372D5EB3784992FBB9D585C9F1D0A8EC91439E4BD020B6CCB8C7612AC631989',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01D0AF0CC90D147F60E2D04709BF0BCE5069AD7DC393C3EBDECE50D8E10B14C5C172EA6869BB0A2575499621EE6F2E688AC8335DA98B2F874A879F49CD',5,1,0,5,X'0199E8DC11BAE4431684027A9FB36F038E96124A4D5B31613903A473029A7A879CCDD51F6D2F69B5161857D4A995BBB412E0EE4A194EFA0F67B66753835ACDB82D1A479F9D71FB9C1C575D5DDDBFB819839937950EDE17936EEFBE5476',X'582A39A3B344A42D365BA292C07583F3',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01DB35130FFB8AE360F8AC3AFA8EA171BAED167FE1273303217AB6C486B75525F88BF56975029B6C1BAF32FD8CDEE746BDABD5441BB361B1B59D74FACE',4,1,0,4,X'012EC1BA97E28AD013062751BECD4C5EC08147ED5E0F71B3E508517687C3E2EFDE72B3B89D75CBA229CBA535B2F3EDCDA6C4DA3BFBCC5095C2B2B6937DDA8F0D421F331DD8C1B02868208269D55D1129012C51E14EC254CE4898E78EDB',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611435000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'018BED1E2BCA6E8D4E29ED7CBB9BEB32AE47796FC8502251FE9544A288C642F922920F0E5E05EB88445A0201C41BD1F7E51EE76B521EF41C05EE3C7E8A',3,1,0,3,X'01480D94F555ED878B2790F146E94C7C4256BC74078EF8F58E3F1FE4A3BDEFF6EEDAB5AFDBEB0BFE975C44E0C5551BB12EC855C80940310F676E016F007778BE738CD91CEAC7FFA40D40CD1C16AFA68AE6B183D5D629194C0F8B698F2A',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697854000,1,1);
CREATE TABLE "corrections" (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	worker_id INTEGER, 
	asked_ms BIGINT NOT NULL, 
	done_ms BIGINT, 
	outcome TEXT, 
	replacement_id INTEGER, 
	employer_kbo VARCHAR(10), 
	site_id INTEGER, 
	way VARCHAR(3), 
	CONSTRAINT pk_corrections PRIMARY KEY (id), 
	CONSTRAINT fk_corrections_replacement_id FOREIGN KEY(replacement_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_corrections_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "corrections" VALUES(1,1,'correct','PLANNING','it was another worker','operator',4,1767611419000,1767611429000,'replaced',5,'0438195916',1,NULL);
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611435000,1767611435000,'sent as corrected',7,'0438195916',2,'in');
CREATE TABLE desk_jobs (
	id INTEGER NOT NULL, 
	clock VARCHAR(23) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	worker TEXT, 
	asked_by TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	progress TEXT NOT NULL, 
	outcome JSON, 
	stop_asked BOOLEAN NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	started_ms BIGINT, 
	ended_ms BIGINT, 
	CONSTRAINT pk_desk_jobs PRIMARY KEY (id)
);
INSERT INTO "desk_jobs" VALUES(1,'clock-0001','issue','W-002','operator','DONE','done','{"what": "the badge was issued", "kept": "", "do": "", "worker": null, "badge": 4, "card": null, "genuine": null}',0,1767611400000,1767611401000,1767611409000);
CREATE TABLE dimona_periods (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE NOT NULL, 
	to_day DATE, 
	from_min SMALLINT, 
	to_min SMALLINT, 
	CONSTRAINT pk_dimona_periods PRIMARY KEY (id), 
	CONSTRAINT fk_dimona_periods_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_dimona_periods_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "dimona_periods" VALUES(1,2,1,'2027-01-01','2027-01-01',420,930);
CREATE TABLE employers (
	id INTEGER NOT NULL, 
	kbo VARCHAR(10) NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_employers PRIMARY KEY (id), 
	CONSTRAINT uq_employers_kbo UNIQUE (kbo)
);
INSERT INTO "employers" VALUES(1,'0438195916','Voorbeeld Bouw');
CREATE TABLE engagements (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE, 
	to_day DATE, 
	site_ids JSON NOT NULL, 
	CONSTRAINT pk_engagements PRIMARY KEY (id), 
	CONSTRAINT fk_engagements_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_engagements_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "engagements" VALUES(1,2,1,'2027-01-01','2027-01-01','[1]');
INSERT INTO "engagements" VALUES(2,2,1,NULL,NULL,'[]');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	severity VARCHAR(8) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	clock TEXT, 
	seq BIGINT, 
	detail TEXT NOT NULL, 
	times INTEGER NOT NULL, 
	first_ms BIGINT NOT NULL, 
	last_ms BIGINT NOT NULL, about TEXT, settled_ms BIGINT, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,'info','badge_assigned',NULL,NULL,'a badge was given to W-001',2,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(2,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',4,1767610800000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(3,'info','badge_assigned',NULL,NULL,'a badge was given to W-003',3,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-bdc22b876720 of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-d53527ca1282: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
INSERT INTO "events" VALUES(8,'alarm','equivocation','clock-0002',2,'other bytes under the same number',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(9,'info','retirement_ordered','clock-0002',NULL,'ordered by operator: worn out',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(10,'info','clock_retired','clock-0003',NULL,'the clock wrote its last record and holds no key any more; its certificate is good until it is revoked',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(11,'info','badge_key_set',NULL,NULL,'the site Quay 7 has a badge key',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(12,'info','gap','clock-0004',NULL,'records before this one are missing; asked to send them',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(13,'warning','seal_failed','clock-0005',2,'tag',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(14,'warning','founded_anew','clock-0006',NULL,'another GENESIS came under this name: add the new bundle with `badgeclock bridge clock add`',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(15,'alarm','rollback','clock-0007',NULL,'the clock says next record 1, boot 2; the store has all below 3, and record 1 cannot be of that boot',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(16,'info','worker_changed',NULL,NULL,'language of worker W-001 changed by tests',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(17,'info','settings_ordered','clock-0008',NULL,'version 1 by operator: volume=2',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(18,'warning','settings_refused','clock-0008',NULL,'the clock refuses settings 1: settings.json: volume must be a whole number from 0 to 1',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(19,'info','order_given','clock-0009',NULL,'self-test ordered by operator: for the tests',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(20,'info','order_done','clock-0009',NULL,'self-test: passed',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(21,'warning','clock_unhealthy','clock-0001',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(22,'warning','clock_unhealthy','clock-0005',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(23,'warning','clock_unhealthy','clock-0007',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(24,'warning','clock_unhealthy','clock-0008',NULL,'its time may be off by more than 2 s: order a restart; if it stays, exchange the battery of its RTC',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(25,'warning','clock_unhealthy','clock-0009',NULL,'its reader says no-irq: it works; mend the wire at the next visit (docs/troubleshooting.md)',1,1767611403000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-5c9ff554f62d: correct by operator: it was another worker',1,1767611419000,1767611419000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-5c9ff554f62d was cancelled (PLANNING) for operator: it was another worker',1,1767611429000,1767611429000,'BC20260105-5c9ff554f62d',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-4af6ce636bb4: refused with code 5',1,1767611434000,1767611434000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-bdc22b876720: kept by operator: the worker was there',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-415700f66f5c: for a person: no_authority',1,1767697835000,1767697835000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-1fc37146f4d8: correct by operator: it was another way',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611446000,1767611446000,'day+movement',1767611451000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611451000,1767611451000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-d53527ca1282: seen to, says operator: Limosa is right now',1,1767611454000,1767611454000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697854000,1767697854000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-2c9a47bd1ad5: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697854000,1767697854000,'BC20260105-2c9a47bd1ad5',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697854000,1767697854000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697855000,1767697855000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697854000,1767697854000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697854000,1767697854000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697854000,1767697854000,NULL,NULL);
CREATE TABLE expected (
	id INTEGER NOT NULL, 
	plan_id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	from_min SMALLINT, 
	to_min SMALLINT, 
	source VARCHAR(8) NOT NULL, 
	CONSTRAINT pk_expected PRIMARY KEY (id), 
	CONSTRAINT fk_expected_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id), 
	CONSTRAINT fk_expected_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_expected_plan_id_worker_id UNIQUE (plan_id, worker_id)
);
INSERT INTO "expected" VALUES(1,1,1,420,930,'planning');
CREATE TABLE filings (
	id INTEGER NOT NULL, 
	presence_id INTEGER, 
	punch_id INTEGER, 
	kind VARCHAR(8) NOT NULL, 
	worker_id INTEGER, 
	employer_kbo VARCHAR(10), 
	site_id INTEGER, 
	way VARCHAR(3), 
	day DATE NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	made_ms BIGINT, 
	done_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_filings PRIMARY KEY (id), 
	CONSTRAINT fk_filings_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_filings_punch_id FOREIGN KEY(punch_id) REFERENCES punches (id), 
	CONSTRAINT fk_filings_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_filings_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697854000,1767697854000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697854000,1767697854000,1767697855000,'answered: its letter came');
CREATE TABLE letters (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	channel VARCHAR(8) NOT NULL, 
	recipient VARCHAR(24) NOT NULL, 
	body JSON NOT NULL, 
	made_ms BIGINT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	tries INTEGER NOT NULL, 
	ended_ms BIGINT, 
	outcome VARCHAR(16), 
	CONSTRAINT pk_letters PRIMARY KEY (id)
);
INSERT INTO "letters" VALUES(1,'066665d490254552924cf71c9006d6c5','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-4af6ce636bb4"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-415700f66f5c"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697855000}',1767697855000,1767697855000,1,1767697855000,'sent');
INSERT INTO "letters" VALUES(2,'c7ae0c6d51964f3ebcf7311b11b5cd4d','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-4af6ce636bb4"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-415700f66f5c"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697855000}',1767697855000,1767697915000,1,NULL,NULL);
INSERT INTO "letters" VALUES(3,'2383c4788bb24242b55622a43a0ebdcd','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697856000}',1767697856000,1767697856000,1,1767697856000,'sent');
INSERT INTO "letters" VALUES(4,'ecaad98b77214260bca8c0b0d0626eeb','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697856000}',1767697856000,1767697916000,1,NULL,NULL);
INSERT INTO "letters" VALUES(5,'d69cd4d3ae4743d4b11eb172e0b4cf6c','email','b81feef6c4a3e63e2ad6a50d','{"kind": "summary", "new": [{"kind": "waits", "site": "", "clock": "", "name": "refused", "days": null, "number": 1, "items": []}], "over": [], "day": "2026-01-05", "made_ms": 1767697856000}',1767697856000,1767697856000,0,NULL,NULL);
CREATE TABLE notices (
	id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	"key" TEXT NOT NULL, 
	about JSON NOT NULL, 
	opened_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	over_ms BIGINT, 
	CONSTRAINT pk_notices PRIMARY KEY (id)
);
INSERT INTO "notices" VALUES(1,'waits','clock_quarantined/clock-0002','{"site": "Quay 7", "clock": "clock-0002", "item": "clock-0002", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(2,'waits','clock_quarantined/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(3,'waits','founded_anew/event/14','{"site": "", "clock": "", "item": "event/14", "name": "founded_anew", "reason": "founded_anew", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(4,'waits','clock_time/clock-0001','{"site": "Quay 7", "clock": "clock-0001", "item": "clock-0001", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(5,'waits','clock_time/clock-0005','{"site": "Quay 7", "clock": "clock-0005", "item": "clock-0005", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(6,'waits','clock_time/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(7,'waits','clock_time/clock-0008','{"site": "Quay 7", "clock": "clock-0008", "item": "clock-0008", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(8,'waits','clock_reader/clock-0009','{"site": "Quay 7", "clock": "clock-0009", "item": "clock-0009", "name": "clock_reader", "reason": "clock_reader", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(9,'waits','settings_refused/event/18','{"site": "", "clock": "", "item": "event/18", "name": "settings_refused", "reason": "settings_refused", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(10,'refused','refused/BC20260105-4af6ce636bb4','{"site": "Quay 7", "clock": "", "item": "BC20260105-4af6ce636bb4", "name": "refused", "reason": "refused", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(11,'waits','no_time/clock-0011/3','{"site": "Quay 7", "clock": "", "item": "clock-0011/3", "name": "no_time", "reason": "no_time", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(12,'waits','no_authority/BC20260105-415700f66f5c','{"site": "Hall 3", "clock": "", "item": "BC20260105-415700f66f5c", "name": "no_authority", "reason": "no_authority", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(13,'waits','correction_due/correction/1','{"site": "Hall 3", "clock": "", "item": "correction/1", "name": "correction_due", "reason": "correction_due", "days": null, "number": 1}',1767697855000,NULL,NULL);
INSERT INTO "notices" VALUES(14,'bridge','bridge/broker','{"site": "", "clock": "", "item": "", "name": "broker", "reason": "", "days": null, "number": 1}',1767697855000,NULL,1767697856000);
INSERT INTO "notices" VALUES(15,'summary','summary/2026-01-05','{"site": "", "clock": "", "item": "", "name": "", "reason": "", "days": null, "number": 1}',1767697856000,1767784256000,NULL);
CREATE TABLE orders (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	command SMALLINT NOT NULL, 
	given_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	given_ms BIGINT NOT NULL, 
	sent_ms BIGINT, 
	times_sent INTEGER NOT NULL, 
	done_ms BIGINT, 
	outcome TEXT, boot INTEGER, report JSON, 
	CONSTRAINT pk_orders PRIMARY KEY (id), 
	CONSTRAINT fk_orders_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id)
);
INSERT INTO "orders" VALUES(1,2,5,'operator','worn out',1767611400000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,9,2,'operator','for the tests',1767611403000,1767611403000,1,1767611403000,'passed',1,'{"reader": "good", "flash": "good", "seal": "good", "display": "good", "rtc": "good"}');
CREATE TABLE plans (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	day DATE NOT NULL, 
	put_ms BIGINT NOT NULL, 
	CONSTRAINT pk_plans PRIMARY KEY (id), 
	CONSTRAINT fk_plans_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT uq_plans_site_id_day UNIQUE (site_id, day)
);
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697854000);
CREATE TABLE presence_counts (
	id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_presence_counts PRIMARY KEY (id)
);
INSERT INTO "presence_counts" VALUES(1,'QUEUED',0);
INSERT INTO "presence_counts" VALUES(2,'SENT',0);
INSERT INTO "presence_counts" VALUES(3,'UNKNOWN',0);
INSERT INTO "presence_counts" VALUES(4,'REGISTERED',1);
INSERT INTO "presence_counts" VALUES(5,'VALIDATED',2);
INSERT INTO "presence_counts" VALUES(6,'REMARKS',1);
INSERT INTO "presence_counts" VALUES(7,'CANCELLING',0);
INSERT INTO "presence_counts" VALUES(8,'CANCELLED',1);
INSERT INTO "presence_counts" VALUES(9,'REFUSED',1);
INSERT INTO "presence_counts" VALUES(10,'WAITING',1);
CREATE TABLE "presences" (
	id INTEGER NOT NULL, 
	reference VARCHAR(24) NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_kbo VARCHAR(10) NOT NULL, 
	workplace VARCHAR(13) NOT NULL, 
	day DATE NOT NULL, 
	site_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(16), 
	reception_number BIGINT, 
	error_code SMALLINT NOT NULL, 
	error_text TEXT, 
	remarks JSON NOT NULL, 
	tries INTEGER NOT NULL, 
	alone BOOLEAN NOT NULL, 
	due_ms BIGINT, 
	created_ms BIGINT NOT NULL, 
	sent_ms BIGINT, 
	lost_ms BIGINT, 
	registered_ms BIGINT, 
	final_ms BIGINT, 
	declared VARCHAR(8) DEFAULT 'day' NOT NULL, 
	moment_ms BIGINT DEFAULT '0' NOT NULL, 
	way VARCHAR(3) DEFAULT '' NOT NULL, 
	sent_identity BLOB, 
	decided_ms BIGINT, assumed VARCHAR(16), kept_ms BIGINT, seen_ms BIGINT, 
	CONSTRAINT pk_presences PRIMARY KEY (id), 
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference)
);
INSERT INTO "presences" VALUES(1,'BC20260105-5c9ff554f62d',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611429000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(2,'BC20260105-bdc22b876720',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611435000,NULL);
INSERT INTO "presences" VALUES(3,'BC20260105-d53527ca1282',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611454000);
INSERT INTO "presences" VALUES(4,'BC20260105-2c9a47bd1ad5',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654619000,1767611403000,1767611407000,NULL,1767611414000,1767611419000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(5,'BC20260105-4af6ce636bb4',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611429000,1767611430000,NULL,NULL,1767611434000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611429000,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(6,'BC20260105-415700f66f5c',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611435000,NULL,NULL,NULL,1767697835000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(7,'BC20260105-1fc37146f4d8',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611453000,1767611435000,1767611447000,NULL,1767611451000,NULL,'movement',1767611435000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611435000,NULL,NULL,NULL);
CREATE TABLE punches (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	direction SMALLINT NOT NULL, 
	utc_ms BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(16), 
	worker_id INTEGER, 
	presence_id INTEGER, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_punches PRIMARY KEY (id), 
	CONSTRAINT fk_punches_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT fk_punches_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_punches_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_punches_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_punches_clock_id_seq UNIQUE (clock_id, seq)
);
INSERT INTO "punches" VALUES(1,1,2,1,X'A4797DD069B0E4FD',1,1767610800000,'DECLARED',NULL,4,5,1767610800000);
INSERT INTO "punches" VALUES(2,1,3,1,X'7822EB2A95BAD765',2,1767610800000,'DECLARED',NULL,2,2,1767610800000);
INSERT INTO "punches" VALUES(3,1,4,1,X'A7BE714731B02CDD',1,1767610800000,'DECLARED',NULL,3,3,1767610800000);
INSERT INTO "punches" VALUES(4,1,5,1,X'1D56AE37A4319B62',1,1767610800000,'CLOSED',NULL,NULL,NULL,1767610800000);
INSERT INTO "punches" VALUES(5,1,9,1,X'A4797DD069B0E4FD',2,1767610800000,'DECLARED',NULL,4,5,1767611400000);
INSERT INTO "punches" VALUES(6,2,2,1,X'7822EB2A95BAD765',1,1767610800000,'DECLARED',NULL,2,2,1767611400000);
INSERT INTO "punches" VALUES(7,7,2,1,X'A4797DD069B0E4FD',1,1767610800000,'DECLARED',NULL,4,5,1767611400000);
INSERT INTO "punches" VALUES(8,10,2,2,X'A4797DD069B0E4FD',1,1767611403000,'DECLARED',NULL,1,4,1767611403000);
INSERT INTO "punches" VALUES(9,10,3,2,X'7822EB2A95BAD765',1,1767611403000,'DECLARED',NULL,2,6,1767611435000);
INSERT INTO "punches" VALUES(10,11,2,1,X'B758A5194F3FE8D8',1,1767610800000,'DECLARED',NULL,4,5,1767611435000);
INSERT INTO "punches" VALUES(11,11,3,1,X'7822EB2A95BAD765',1,0,'WAITING','no_time',2,NULL,1767611435000);
INSERT INTO "punches" VALUES(12,10,4,2,X'7822EB2A95BAD765',2,1767611435000,'DECLARED',NULL,2,7,1767611435000);
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697854000);
CREATE TABLE quarantine (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	seq BIGINT, 
	raw BLOB NOT NULL, 
	sha256 BLOB NOT NULL, 
	reason VARCHAR(32) NOT NULL, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_quarantine PRIMARY KEY (id), 
	CONSTRAINT fk_quarantine_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT uq_quarantine_clock_id_sha256 UNIQUE (clock_id, sha256)
);
INSERT INTO "quarantine" VALUES(1,2,2,X'010300010000000200010000695B99B000000150000013881D56AE37A4319B62000000000000000000000000000000006E08B65C8AA53F56F1EA0C95ABCB9A63',X'7B72392E029985B903E22FD757178174655573ACF716B15B22464684C5160A39','equivocation',1767611400000);
CREATE TABLE receipts (
	id INTEGER NOT NULL, 
	clock_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	state SMALLINT NOT NULL, 
	error_code SMALLINT NOT NULL, 
	reception_number BIGINT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (id), 
	CONSTRAINT fk_receipts_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id), 
	CONSTRAINT uq_receipts_clock_id_number UNIQUE (clock_id, number)
);
INSERT INTO "receipts" VALUES(1,1,1,5,3,0,0,1767610800000);
INSERT INTO "receipts" VALUES(2,1,2,2,1,0,100000000001,1767610817000);
INSERT INTO "receipts" VALUES(3,1,3,3,1,1,100000000002,1767610817000);
INSERT INTO "receipts" VALUES(4,1,4,4,1,0,100000000003,1767610817000);
INSERT INTO "receipts" VALUES(5,1,5,2,4,0,100000000001,1767610817000);
INSERT INTO "receipts" VALUES(6,1,6,3,4,1,100000000002,1767610817000);
INSERT INTO "receipts" VALUES(7,1,7,4,5,0,100000000003,1767610817000);
INSERT INTO "receipts" VALUES(8,10,1,2,1,0,100000000004,1767611414000);
INSERT INTO "receipts" VALUES(9,10,2,2,4,0,100000000004,1767611419000);
INSERT INTO "receipts" VALUES(10,1,8,2,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(11,1,9,9,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(12,7,1,2,2,5,0,1767611434000);
INSERT INTO "receipts" VALUES(13,1,10,5,6,0,0,1767611435000);
INSERT INTO "receipts" VALUES(14,11,1,2,2,5,0,1767611435000);
INSERT INTO "receipts" VALUES(15,11,2,3,6,0,0,1767611435000);
INSERT INTO "receipts" VALUES(16,10,3,3,6,0,0,1767697835000);
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611451000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697854000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697855000);
CREATE TABLE receptions (
	id INTEGER NOT NULL, 
	presence_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	seen_ms BIGINT NOT NULL, 
	CONSTRAINT pk_receptions PRIMARY KEY (id), 
	CONSTRAINT fk_receptions_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT uq_receptions_presence_id_number UNIQUE (presence_id, number)
);
INSERT INTO "receptions" VALUES(1,1,100000000001,1767610817000);
INSERT INTO "receptions" VALUES(2,2,100000000002,1767610817000);
INSERT INTO "receptions" VALUES(3,3,100000000003,1767610817000);
INSERT INTO "receptions" VALUES(4,4,100000000004,1767611414000);
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611451000);
CREATE TABLE records (
	clock_id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	raw BLOB NOT NULL, 
	sealed BOOLEAN NOT NULL, 
	received_ms BIGINT NOT NULL, 
	CONSTRAINT pk_records PRIMARY KEY (clock_id, seq), 
	CONSTRAINT fk_records_clock_id FOREIGN KEY(clock_id) REFERENCES clocks (id)
)
 WITHOUT ROWID

;
INSERT INTO "records" VALUES(1,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000008535B1EAED980733763AD05E5614A6F8CA28B540FDD4569E',1,1767610800000);
INSERT INTO "records" VALUES(1,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000F9CD8287D9CF26F1B06D07CE7B1E52B3',1,1767610800000);
INSERT INTO "records" VALUES(1,2,X'010300010000000200010000695B99B00000015000001388A4797DD069B0E4FD0000000000000000000000000000000090B03DEF6B933EED59AA1E9AA3AE1820',1,1767610800000);
INSERT INTO "records" VALUES(1,3,X'010300020000000300010000695B99B000000150000013887822EB2A95BAD765000000000000000000000000000000005553E8C2E9E036C4F1238624C5CCB1CE',1,1767610800000);
INSERT INTO "records" VALUES(1,4,X'010300010000000400010000695B99B00000015000001388A7BE714731B02CDD000000000000000000000000000000008EE0D5ABA55D6B344DE5045A80EA1962',1,1767610800000);
INSERT INTO "records" VALUES(1,5,X'010300010000000500010000695B99B000000150000013881D56AE37A4319B6200000000000000000000000000000000ED83C172A2D5517A7D1D18A6BF1D6551',1,1767610800000);
INSERT INTO "records" VALUES(1,6,X'010500000000000600010000695B99B00000015000001388000000000000000000000000000000000000000700004FEAE87F412A5584424C1A6C42CAA42C7889',1,1767611400000);
INSERT INTO "records" VALUES(1,8,X'010200000000000800020001695B99B00000015000001388000000000000000000000000000000000101000000000000F7C60B718A0F9BC60B4E5ED287141147',1,1767611400000);
INSERT INTO "records" VALUES(1,9,X'010300020000000900020001695B99B00000015000001388A4797DD069B0E4FD00000000000000000000000000000000B87F3097EBF4A0E46BDEC813A0B238B9',1,1767611400000);
INSERT INTO "records" VALUES(2,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094F18BFC2F87D0290BE98DE65107ADBF0E23F1301FC9BED4',1,1767611400000);
INSERT INTO "records" VALUES(2,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000246233A8660819181C6885A4B1555BAA',1,1767611400000);
INSERT INTO "records" VALUES(2,2,X'010300010000000200010000695B99B000000150000013887822EB2A95BAD76500000000000000000000000000000000E1805B1A42EAFA56E7BA7AFB184EE160',1,1767611400000);
INSERT INTO "records" VALUES(3,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000DB8F158B84CF5C6566692F304CBB0D38C1BBA268B9EB95C0',1,1767611400000);
INSERT INTO "records" VALUES(3,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000007F9F8F5A96EBD2BA5993C22593DB8980',1,1767611400000);
INSERT INTO "records" VALUES(3,2,X'010A00000000000200010000695B99B00000015000001388000000000000000000000000000000000000000000000000A40D74E939FC4BE257C25F256DA1231D',1,1767611400000);
INSERT INTO "records" VALUES(4,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000ED9092C420F3EDAF933EC6A6DB65AD269021AF246CE7806E',1,1767611400000);
INSERT INTO "records" VALUES(4,1,X'010200000000000100010000695B99B0000001500000138800000000000000000000000000000000010000000000000003F2C37C9F874E04283287C9306F0605',1,1767611400000);
INSERT INTO "records" VALUES(5,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000000C1022A7FE8FCB907767C29EACDCBD3F279303124DFB6CF6',1,1767611400000);
INSERT INTO "records" VALUES(5,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002CAA4041EBD9CC614628B26D7B8F5D7A',1,1767611400000);
INSERT INTO "records" VALUES(6,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000005888F48C0AE3B2C4CFE8C5F0EFAB89E78A5C4C99EC50700D',1,1767611400000);
INSERT INTO "records" VALUES(6,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000FE2E38D6892B533D9FF24A5C4EB3223C',1,1767611400000);
INSERT INTO "records" VALUES(7,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000059565D0EB4D61818E990A99C3CD46A50FFA5C9AB16E5AFD3',1,1767611400000);
INSERT INTO "records" VALUES(7,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000008D177DC1C32003FD706E6F109EBC5958',1,1767611400000);
INSERT INTO "records" VALUES(7,2,X'010300010000000200010000695B99B00000015000001388A4797DD069B0E4FD00000000000000000000000000000000493FD291850A354DB11228F571B70795',1,1767611400000);
INSERT INTO "records" VALUES(8,0,X'010100000000000000000000695B99B0000001500000138801020304050607080000000000000000913A272CFE16096F245D1CB00454704DBB90BB133AAC09D0',1,1767611400000);
INSERT INTO "records" VALUES(8,1,X'010200000000000100010000695B99B00000015000001388000000000000000000000000000000000100000000000000D4019AD37F541434D68C66DA3FC5D555',1,1767611400000);
INSERT INTO "records" VALUES(9,0,X'010100000000000000000000695B99B00000015000001388010203040506070800000000000000002404A790FFCB6470247813021AB1B8FF06B685FB2B7C50F7',1,1767611403000);
INSERT INTO "records" VALUES(9,1,X'010200000000000100010000695B99B0000001500000138800000000000000000000000000000000010000000000000007162ED40A0F5B3BF48805FE2427D03F',1,1767611403000);
INSERT INTO "records" VALUES(10,0,X'010100000000000000000000695B9C0B0000015000001388010203040506070800000000000000006584114A8BDF8652B08382CDC0A41AF4A860DA10C38C5433',1,1767611403000);
INSERT INTO "records" VALUES(10,1,X'010200000000000100010000695B9C0B0000015000001388000000000000000000000000000000000100000000000000C223CC39DF0D50006694475BD265494C',1,1767611403000);
INSERT INTO "records" VALUES(10,2,X'010300010000000200010000695B9C0B0000015000001388A4797DD069B0E4FD0000000000000000000000000000000002A6F31B48A249B1593A9FD53EB9802A',1,1767611403000);
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611435000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2B00000150000013887822EB2A95BAD76500000000000000000000000000000000582A39A3B344A42D365BA292C07583F3',1,1767611435000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611435000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611435000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611435000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611435000);
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697854000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697854000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697854000);
CREATE TABLE sessions (
	id INTEGER NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	account_id INTEGER NOT NULL, 
	opened_ms BIGINT NOT NULL, 
	seen_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	ended_ms BIGINT, 
	shows_names BOOLEAN NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_sessions_secret_sha256 UNIQUE (secret_sha256)
);
INSERT INTO "sessions" VALUES(1,X'183ECE2097EF2509FFF3CF5CF0FDEAF4AD8F4F9B9CEC8C7D9E82EA7AF51E405C',1,1767697854000,1767697854000,1767741054000,1767697855000,1);
CREATE TABLE "sites" (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	workplace VARCHAR(13) NOT NULL, 
	regime VARCHAR(16) NOT NULL, 
	time_zone TEXT NOT NULL, 
	site_key_closed BLOB, 
	badge_root_closed BLOB, 
	roster_changes BIGINT DEFAULT '0' NOT NULL, 
	roster_changed_ms BIGINT, 
	address JSON, 
	latitude FLOAT, 
	longitude FLOAT, 
	languages JSON, next_regime VARCHAR(16), regime_from DATE, longest_shift_h SMALLINT DEFAULT '12' NOT NULL, night_hours VARCHAR(11), site_keys SMALLINT DEFAULT '1' NOT NULL, key_changed_ms BIGINT, 
	CONSTRAINT pk_sites PRIMARY KEY (id), 
	CONSTRAINT uq_sites_name UNIQUE (name)
);
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'0175CA8986BF1598926C9728BCFC43D5109A770B10E912D01A3BD8A4291273D959090D0B42518164135FB73703EB723CEF4C8054DB18C50F88A829F91496CE91D0A956A63CB175E75E00AE8FFD372AC4FA5429DDAB990032ED1922A261',X'01F1EDAA43EB39CCE665A12F36ADC27AE9C0535432D8F2F47D0DDBD024AF6F0232F039E176AEC1C7C87B5EECD14B8DD819717727FCE318B6C990FDD01A',9,1767697854000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697854000);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'0191EE4219D3AB23B63DEE32C0F80752366DC6855F77BDD7C02F6EF2917CF5CD0245E80C9B19478BC4EF59201B5B8821E9CA4517A8FC07CBD6530EAB88',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL);
INSERT INTO "sites" VALUES(3,'Yard 5','1Y1TEST00003Z','construction','Europe/Brussels',NULL,NULL,0,NULL,'{"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}',51.22,4.4,'["nl", "fr"]','construction-io','2027-01-01',12,'22:00-06:00',1,NULL);
CREATE TABLE workers (
	id INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	name_closed BLOB NOT NULL, 
	identity_kind VARCHAR(8) NOT NULL, 
	identity_closed BLOB NOT NULL, 
	identity_index BLOB NOT NULL, 
	employer_id INTEGER, language VARCHAR(2), added_ms BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (id), 
	CONSTRAINT fk_workers_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id), 
	CONSTRAINT uq_workers_identity_index UNIQUE (identity_index), 
	CONSTRAINT uq_workers_reference UNIQUE (reference)
);
INSERT INTO "workers" VALUES(1,'W-001',X'01D615ACD8436FC5FE6D960BDF1BD1F5E22742C13AA95703B7A9B3BD1EC250CCE2618ECF0A4EAC','niss',X'01902FD4311CB687265F9A69D84587C2A6146196C14E44F841AC49B71799568F175A288B4B42AE97',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'019DAD1065249EDE01359BDD62955B7F9CB899F56435DCCA8B99294E8FBB9F4E23B3AD6D47767F4C843C45685D78','niss',X'0158316205134D645004F4724257CC8CC2D63B98A76DE0539A6C04FA6318F78834072F4883EB1D84',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'0177B9B9999C3E67CA9A52D23E3201180FB523F00E98D9035004B978D7EA45BE9C91318203E6','limosa',X'01593EED9385B3658FA244CB0886D34D13966925B86F1CA0BBD40AE0AA3B4224696E6A579DE535E29120D0A59EB1',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'01AC02F1540D978B53AA0BE52634E3461F1A6F9C3C36A174EB6656F2671F5DD17BD1DB8F33346F','niss',X'01EE1FB7691A3CCC72592741DEFCA14AC5C5DA1DBCD81F2B2621EA8C52797E9CC189783D0FD2EB00',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
CREATE TABLE works (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	employer_id INTEGER NOT NULL, 
	from_day DATE NOT NULL, 
	to_day DATE, 
	CONSTRAINT pk_works PRIMARY KEY (id), 
	CONSTRAINT fk_works_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_works_employer_id FOREIGN KEY(employer_id) REFERENCES employers (id)
);
INSERT INTO "works" VALUES(1,1,1,'2027-01-01','2027-01-01');
CREATE INDEX ix_events_same ON events (kind, clock, last_ms);
CREATE UNIQUE INDEX uq_clocks_in_use ON clocks (name) WHERE state != 'RETIRED';
CREATE INDEX ix_attempts_presence_id ON attempts (presence_id);
CREATE INDEX ix_punches_open ON punches (site_id, token) WHERE presence_id IS NULL;
CREATE INDEX ix_punches_presence_id ON punches (presence_id);
CREATE UNIQUE INDEX uq_orders_open ON orders (clock_id, command) WHERE done_ms IS NULL;
CREATE INDEX ix_desk_jobs_open ON desk_jobs (id) WHERE ended_ms IS NULL;
CREATE UNIQUE INDEX uq_presences_standing ON presences (worker_id, employer_kbo, workplace, day, moment_ms, way) WHERE state NOT IN ('CANCELLED', 'CLOSED');
CREATE INDEX ix_presences_worker_day ON presences (worker_id, day);
CREATE INDEX ix_presences_under_way ON presences (worker_id, id) WHERE declared = 'movement' AND state IN ('QUEUED', 'SENT', 'UNKNOWN');
CREATE INDEX ix_acts_subject ON acts (subject);
CREATE TRIGGER acts_UPDATE BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'what operators did is kept as it was written'); END;
CREATE TRIGGER acts_DELETE BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'what operators did is kept as it was written'); END;
CREATE INDEX ix_engagements_worker_id ON engagements (worker_id);
CREATE INDEX ix_badges_worker_id ON badges (worker_id);
CREATE UNIQUE INDEX uq_badges_in_use ON badges (site_id, token) WHERE until_ms IS NULL;
CREATE INDEX ix_presences_assumed ON presences (day) WHERE assumed IS NOT NULL AND kept_ms IS NULL;
CREATE INDEX ix_filings_presence_id ON filings (presence_id);
CREATE INDEX ix_filings_punch_id ON filings (punch_id);
CREATE UNIQUE INDEX uq_filings_presence ON filings (presence_id) WHERE done_ms IS NULL;
CREATE UNIQUE INDEX uq_filings_punch ON filings (punch_id) WHERE done_ms IS NULL;
CREATE INDEX ix_corrections_presence_id ON corrections (presence_id);
CREATE UNIQUE INDEX uq_corrections_open ON corrections (presence_id) WHERE done_ms IS NULL;
CREATE INDEX ix_presences_for_person ON presences (state, id) WHERE state IN ('WAITING', 'REFUSED') OR (state = 'REMARKS' AND seen_ms IS NULL);
CREATE INDEX ix_events_open ON events (kind, first_ms) WHERE settled_ms IS NULL AND severity != 'info';
CREATE INDEX ix_plans_day ON plans (day);
CREATE INDEX ix_expected_worker_id ON expected (worker_id);
CREATE INDEX ix_dimona_periods_worker_id ON dimona_periods (worker_id);
CREATE INDEX ix_works_site_id ON works (site_id);
CREATE INDEX ix_punches_for_person ON punches (state, id) WHERE presence_id IS NULL AND state IN ('WAITING', 'UNASSIGNED', 'INVALID');
CREATE INDEX ix_badges_token_before ON badges (site_id, token_before) WHERE token_before IS NOT NULL;
CREATE TRIGGER presences_counted_in AFTER INSERT ON presences BEGIN INSERT INTO presence_counts (state, number) SELECT NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM presence_counts WHERE state = NEW.state); UPDATE presence_counts SET number = number + 1 WHERE state = NEW.state; END;
CREATE TRIGGER presences_counted_out AFTER DELETE ON presences BEGIN UPDATE presence_counts SET number = number - 1 WHERE state = OLD.state; END;
CREATE TRIGGER presences_counted_on AFTER UPDATE OF state ON presences WHEN OLD.state != NEW.state BEGIN UPDATE presence_counts SET number = number - 1 WHERE state = OLD.state; INSERT INTO presence_counts (state, number) SELECT NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM presence_counts WHERE state = NEW.state); UPDATE presence_counts SET number = number + 1 WHERE state = NEW.state; END;
CREATE INDEX ix_presences_due ON presences (state, due_ms, id) WHERE due_ms IS NOT NULL;
CREATE INDEX ix_presences_sent ON presences (state, id) WHERE state IN ('SENT', 'UNKNOWN');
CREATE INDEX ix_presences_day ON presences (day, id);
CREATE INDEX ix_events_clock ON events (clock, id);
CREATE INDEX ix_events_last_ms ON events (last_ms, id);
CREATE INDEX ix_badges_token ON badges (token);
CREATE INDEX ix_receptions_number ON receptions (number);
CREATE INDEX ix_corrections_replacement_id ON corrections (replacement_id);
CREATE INDEX ix_sessions_account_id ON sessions (account_id);
CREATE UNIQUE INDEX uq_notices_open ON notices ("key") WHERE over_ms IS NULL;
CREATE INDEX ix_notices_over_ms ON notices (over_ms);
CREATE INDEX ix_letters_open ON letters (due_ms) WHERE ended_ms IS NULL;
CREATE INDEX ix_letters_ended_ms ON letters (ended_ms);
COMMIT;
