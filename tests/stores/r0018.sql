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
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$BhRzthd0syt3mio/vCD9eg$2wlLh8ZmuxXnAumGe3ifgNqEBnV9fTy24fFP+0UylTc',1,X'0155771794DE050F04DEF54CD1D690198976C32911D832A82664EF1CCC77A07723B372CE3064E46D6CDE2FE3F67DDE60EB05CBE92183E87ADF3D3EF932',58000000,1767697855000,1767697855000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$BCyTjMcbNs9qyUO1Nm037g$3aTd+9yCVn7lyUARvPsvLZ2yNEC0iimGA7tsVUXk2ec',1,NULL,NULL,1767697855000,NULL,1767697856000);
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
INSERT INTO "acts" VALUES(6,1767611436000,'operator','punch_closed','clock 1','it was declared by hand','{"seq": 5}',X'95D869EF7B2AF9E6139BE830E6CA63206C7540F1476978648BB45846B26FB656');
INSERT INTO "acts" VALUES(7,1767611436000,'operator','site_added','site 3','for the tests','{"after": {"name": "Yard 5", "workplace": "1Y1TEST00003Z", "regime": "meat", "time_zone": "Europe/Brussels", "address": {"street": "Kaai", "house_number": "7", "box": "", "post_code": "2000", "municipality": "Antwerpen"}, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"], "longest_shift_h": 12, "night_hours": null, "next_regime": null, "regime_from": null}}',X'13AD960DE1823DF9BA534C886554F07F1E54EF19B6DCA13FD488A917970BFF9D');
INSERT INTO "acts" VALUES(8,1767611436000,'operator','token_made','token 1','for the tests','{"name": "planner", "scopes": ["planning:read", "planning:write", "presences:read", "status:read"], "days": 365}',X'FBB867F917C8A290ADED3654BC7982CFF4E74739ACD32A4D5075948CA67A1707');
INSERT INTO "acts" VALUES(9,1767611438000,'operator','token_revoked','token 1','for the tests','{"name": "planner"}',X'3C7A9CC73E0E842825DD0CFDBD2D3BE9FB5C5797FDF8284291D27E319F698CE7');
INSERT INTO "acts" VALUES(10,1767611436000,'operator','token_made','token 2','for the tests','{"name": "planner", "scopes": ["planning:read"], "days": 365, "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'329098316CB4BF81F9805A10E5C61F5233941D3F6E5242166AB085B409CA94A5');
INSERT INTO "acts" VALUES(11,1767611436000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": "2027-01-01", "to": "2027-01-01", "sites": ["Quay 7"]}}',X'2C81C085DB6205C1C0CCAAC8AE23B27DD37C9F7A384D08FF0BE6A637CA7E2EAD');
INSERT INTO "acts" VALUES(12,1767611436000,'operator','worker_engaged','worker 2','for the tests','{"changed": ["engagement"], "after": {"employer": "0438195916", "from": null, "to": null, "sites": []}}',X'86C439E16C429240EFFDE3A735F9561C683826E4928312CE49FED630235AD52A');
INSERT INTO "acts" VALUES(13,1767611436000,'operator','presence_kept','presence 2','the worker was there','{"assumed": "no_in"}',X'B629AAB594A5B0BD44403EE580466FD3AD8CD5EBC5E3A19AD648833E3CC1F346');
INSERT INTO "acts" VALUES(14,1767611436000,'operator','presence_corrected','presence 7','it was another way','{"code": "PLANNING", "before": {"state": "QUEUED", "worker": 2, "site": 2, "way": "out"}, "replacement": 7, "after": {"worker": 2, "site": 2, "way": "in"}}',X'53E6DF798D7EF3F7D456B65593624ECA7F5DC20035CDA7F015CD41E14C17D5F1');
INSERT INTO "acts" VALUES(15,1767611455000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'2C831F3A9FEAA10ADAE09A2A0FBD73F1CDFA094BFEB8ACDEC7878E7751EBC5F8');
INSERT INTO "acts" VALUES(16,1767697855000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'AFC21075E896E87E4D9A38CA4E536674A4327FC6D2E6E04E9653E99D3FAE6D6D');
INSERT INTO "acts" VALUES(17,1767697855000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'8EC3B3456AFD328255AE1715E71B0950742CCB3B92D0491B5EB9619C24D3253B');
INSERT INTO "acts" VALUES(18,1767697855000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'C34D7B3E602BBEF531D066C1449B05CA418BCEE1FB9C5FAF9D35172EE4538D7E');
INSERT INTO "acts" VALUES(19,1767697856000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'8E11D145AF8ED5F7374955EEBFC41DDF25490E2398DBA5557533A7E7CADB76B1');
INSERT INTO "acts" VALUES(20,1767697855000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'B78F6B22AEA1EC51E0A9937B47CF9BE82E4E9872DDB4B71D0EE2F9D5EC139BC2');
INSERT INTO "acts" VALUES(21,1767697855000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'797A863903E8D1B9FCC4207FF8674758C0C4212E7789171E602D773E8A038B70');
INSERT INTO "acts" VALUES(22,1767697855000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'F5801562291D362C57BEA12B949341628873F308B0290E36FD5B58D64B74B264');
INSERT INTO "acts" VALUES(23,1767697855000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'314F41C5BBBA5133D7E9F0D74AD0F8FA5C7FAF92659740BEFF8700EFFC1264C0');
INSERT INTO "acts" VALUES(24,1767697856000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'C8140F3577AC4BB39A19C79D223158224C36F518209CE80A84DC861C2E58A14E');
INSERT INTO "acts" VALUES(25,1767697855000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'B85F33DB26A8D1C6934762D0C46D84CEAF7765FF9A4CBD162863AB12D8DDADAD');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0018_site_badges');
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
INSERT INTO "api_tokens" VALUES(1,'planner',X'90015AC0238E8247F134C6241E1F67B2FF270AA9C482E62342C80E0F2178B3A8','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611436000,1799147436000,1767611438000,1767611437000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'7DC8103ECED661CF7D2BF4AEE88DC7E49867B51A9191301B57904E634AA59A0D','["planning:read"]','operator',1767611436000,1799147436000,NULL,NULL,'{"sites": [1], "employers": [1]}');
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
INSERT INTO "attempts" VALUES(1,1,'0b008ed9b0801431',X'C668018426780FB4D809E3CB5318D741',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'0b008ed9b0801431',X'C668018426780FB4D809E3CB5318D741',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'0b008ed9b0801431',X'C668018426780FB4D809E3CB5318D741',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'9a68d17684a04c03',X'818C625D1F8058E6039B74553ABF6467',1767611407000,1767611414000,'registered');
INSERT INTO "attempts" VALUES(5,5,'3f2b007f867f473c',X'340D2C35441B7632FA9719EC737C83D4',1767611430000,1767611434000,'refused');
INSERT INTO "attempts" VALUES(6,7,'b4b0760d03699551',X'23B46907A8089778657E611DC827136F',1767611440000,1767611449000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'0234819352085f22',X'23B46907A8089778657E611DC827136F',1767611450000,1767611453000,'registered');
CREATE TABLE "badges" (
	id INTEGER NOT NULL, 
	site_id INTEGER NOT NULL, 
	token BLOB NOT NULL, 
	worker_id INTEGER NOT NULL, 
	since_ms BIGINT NOT NULL, 
	until_ms BIGINT, 
	engagement_id INTEGER, form SMALLINT, issue BLOB, card BLOB, token_before BLOB, 
	CONSTRAINT pk_badges PRIMARY KEY (id), 
	CONSTRAINT fk_badges_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_badges_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
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
INSERT INTO "badges" VALUES(9,1,X'DD70592E5F7C9D02',2,1767611436000,NULL,2,NULL,NULL,NULL,X'1D56AE37A4319B62');
INSERT INTO "badges" VALUES(10,1,X'0D39E145FEE6E892',4,1767611436000,NULL,NULL,NULL,NULL,NULL,X'B758A5194F3FE8D8');
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697855000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
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
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'015621CC2B9EF70C170BCF9C23C0DD486A6CE433432EAC64EAB546B1C370061116CBDDC5878117BBED677C5BF5863B8DADA32B82C71689658C3061BCEC',10,2,1,3,X'0103F351E62F3F2C7091257C6D5F2C44A71E516B7A884D784FF3A4E33A1EEE27636D7A891FE5ECCB9DDF325B4876F926FE0F425DA5DBFADD1EEB83C0F0A7422F0A2198D19B6269D15FADF404A11E89C775F3FAB1D1AC764B4161A14B36',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01DA6006F54114E685745BF74FDD61981F5ED862789F8FC613CD5D0E6963303AD0BDA81C2AEAA1912A99EC946475D235D1356C1EE75A96F0C2BD106D28',3,1,0,3,X'016DE9B8F136D2E2506217F9863A1F671AFD582AEBAD91BC6CD641034AA0A3654CFE27D484DEBC30A575E2DC75CCCAD8C54B310B38C05E0AA343EC9D088E97CEA9010F2AE557D0FEF1BA9A1820616DD5916640FE6C504C6D0E573BE070',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'01F95141E3DC1D9FC9963EEEE84CE91EDAB12BB7CB53DC01EF81C9BE04BE041FA1FB4F11BFBEBE84BF35737A46663DCAFC1FC64E39C9E3731522520376',3,1,0,3,X'016101255B588EDAF679CA1D29A48A85387442A494C4D4BF5A78E88FEF',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01AF47DC368E8A6C2491D4E7066B7D81ADBC3105B5ACD8B7E28064D0F10A62DB1C4535D65AE3F55531723BA4DAEA144BFCB4708BDC1999F6578A340465',2,1,0,2,X'0176F000F7EA42312A9EBB0D9D9291822E956DDF37CAE6EA8D8D4BC461CA5ED6739299F6BCADE970C6278A6DDEFD41A0773065E7637A717891C656F2C4B39290434C85CBBD5522B457762204B2152EDD134C34DB92CA7D00B32703898A',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'013EE28F061BF0513A2DA5DA164A8078435205F688DC43B933C165FF1778C365E9DBE94293B96738D6DCB5E77FC410A6E7679A5054FDE2643EE3AF41E9',2,1,0,2,X'014F859A8CF25A8A54B62571F8EC86729E4D18737AF2944D0CD45D85F82EBF2CD11B731CF3C4EDB687F58D3368623578CCA144A2F85B9EBC65A29D4DC5482F9D4527E5FC43D77F44144F39FC5314AD1C69CBF2E764DE72896F38CFEFF4',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01242076A690AF6A2A9BCE3C53AD8ECC540E2016C13A0A3DCEB23FD5F86A0D7B684EB798E2EB8563A5D8F127FC1B43B535421E0B79E19091C27CDF2BAF',2,1,0,2,X'016C0FEA81999759D6D5DE5FFDD206148A4393587500C34A062C3BBD1F785CCF8A3892E97EB4A509361613CA550ACBE9FE5C02B5789CE9C573022C2F19953465CA9E98EEB90B76ABBF7C46FCA14DCF5B21198FA1B952EC1247D5BCCE5E',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'014FB9DDAB05408CF8A90AE16948783F8C2C2612D8C76A08F1468CC6B2BAC3B9437707FF63BF71C4AB5D63E95A2ABB0FC814473A7472334FE68709A5B6',3,1,0,3,X'01D9A3CB36471AB6DC07F4DACC8F749BA9547C0F99D5F76C7657968B2BE6E4FA81793BA7609B9664FC5D16D4354D66FF1518EE5C9CF5071C1195D21D285F37B9BE20564F57A965AADDE59703AEF9322115B78B9C6E83585A13E39235A2',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01CC80AC4FB32E5EB072C4C8A437FF930D17298F957DD54A6D6C3FBFF608BCB069637D7CADA33146AA2417852D6461D668073EA1F8DE5BE7B7F6929C3D',2,1,0,2,X'018964290E8FDC88995237BB192A096F6252A4EA2CAA3D8B2A25490AB7219C9E86DE31FFD99B148AFAFF9D7ECE68FA4D1C2FDA893C2E4463C5F942DAA169089E159C960BA2D1EAF350EAAD919E44CF1F96807EB542BC765162560515FF',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'018DADAB8A0803D2388E722476AE283C2C67240A0063D1868D59D26B1AD2B5CE2F6D05D1A242A2E9F16A961F54F96915A79FF5512AE50BFE02F8F833E1',2,1,0,2,X'01F1DCB3242864B97F99C18420D169FD03AC4570C1D4304C9DD46A677065670ACF25147CC379857A46F93F599F2A896AF3A3F4BD2A0B26E88D122EB0DE944AD4ACE400C347381BB5E2FA7C57F150D61BCCF65333279CA27658D942E120',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01757D6941E739E2B50087E348584600D1E6DD8830D97C75FFAAB501054A0CFF69D1A9AB843ABE7B6C0DBC7CBCA8C4DE836EC822462AB91D8A36BC870F',5,1,0,5,X'0135A55BC064AAA0C90F2BCECD737A6DF004D39DD48877294DE2B7E9FE7A3422B8EE7D0EEA545F32EFF805073944AC8BFF96F3E74290C2FFFD9434843909A82C01AF5A087649514C66B2CEEE0A191D2FE6692C1F4C06A48BB11B279D46',X'2CDB038A5C41F9223167BA935C2A6CCE',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'013B9FF6FCC6696902CD88808A7E1B7F374E0B75C620CF82BCC3EB65FCA73ACB2CB5C5F5172930238FD48AA417D0C7295F1C6367F4F5A43BAE880FA773',4,1,0,4,X'017BE22307E938AA32FE3CEB5508B6336267EE8CCE8FDC9BF852DB23A312A4C15CB39BB5605E5ABDC266FA88B471ADFCC217DC778DF4AD6BFB8D5A0DE6A91BA031DE84C201B3AE15386DAAA1D058BE5692779CBB38A77494F781D98F95',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611436000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01B2E8BB2D4D1732D3A6EEBAFC78F93E1A3E8406E39B9314C13B976DCE3590DEBB03C4E898792A8A1720F0504CFD191E045474184DD394539B49CD6A71',3,1,0,3,X'011D086C324614E4AEA63DAAD1BF26FBC490E633B1D695CAF54B3D111F9DBD8CB863E263CA893D623198BFE4EFB9CF007E120F2A1242B9328B3B7C407D9B4C9B2ADD9434C6AC5D9EB5AD9C729BF992834231AA07CC001DD3F2E7296B02',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697855000,1,1);
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
	CONSTRAINT fk_corrections_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_replacement_id FOREIGN KEY(replacement_id) REFERENCES presences (id), 
	CONSTRAINT fk_corrections_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_corrections_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "corrections" VALUES(1,1,'correct','PLANNING','it was another worker','operator',4,1767611419000,1767611429000,'replaced',5,'0438195916',1,NULL);
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611436000,1767611436000,'sent as corrected',7,'0438195916',2,'in');
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
INSERT INTO "events" VALUES(2,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',4,1767610800000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(3,'info','badge_assigned',NULL,NULL,'a badge was given to W-003',3,1767610800000,1767611403000,NULL,NULL);
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-14f14d387a40 of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-5f1e56622eff: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
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
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-5116ad02f42f: correct by operator: it was another worker',1,1767611419000,1767611419000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-5116ad02f42f was cancelled (PLANNING) for operator: it was another worker',1,1767611429000,1767611429000,'BC20260105-5116ad02f42f',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-02fbc739cd21: refused with code 5',1,1767611434000,1767611434000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-14f14d387a40: kept by operator: the worker was there',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-983910348250: for a person: no_authority',1,1767697836000,1767697836000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-39d58b124eee: correct by operator: it was another way',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611449000,1767611449000,'day+movement',1767611453000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611453000,1767611453000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-5f1e56622eff: seen to, says operator: Limosa is right now',1,1767611455000,1767611455000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697855000,1767697855000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-04c7fcff5d8e: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697855000,1767697855000,'BC20260105-04c7fcff5d8e',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697855000,1767697855000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697856000,1767697856000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697855000,1767697855000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697855000,1767697855000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697855000,1767697855000,NULL,NULL);
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
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697855000,1767697855000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697855000,1767697855000,1767697856000,'answered: its letter came');
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
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697855000);
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
	CONSTRAINT uq_presences_reference UNIQUE (reference), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id)
);
INSERT INTO "presences" VALUES(1,'BC20260105-5116ad02f42f',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611429000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(2,'BC20260105-14f14d387a40',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611436000,NULL);
INSERT INTO "presences" VALUES(3,'BC20260105-5f1e56622eff',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611455000);
INSERT INTO "presences" VALUES(4,'BC20260105-04c7fcff5d8e',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654619000,1767611403000,1767611407000,NULL,1767611414000,1767611419000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(5,'BC20260105-02fbc739cd21',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611429000,1767611430000,NULL,NULL,1767611434000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611429000,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(6,'BC20260105-983910348250',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611436000,NULL,NULL,NULL,1767697836000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(7,'BC20260105-39d58b124eee',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611455000,1767611436000,1767611450000,NULL,1767611453000,NULL,'movement',1767611436000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611436000,NULL,NULL,NULL);
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
INSERT INTO "punches" VALUES(9,10,3,2,X'7822EB2A95BAD765',1,1767611403000,'DECLARED',NULL,2,6,1767611436000);
INSERT INTO "punches" VALUES(10,11,2,1,X'B758A5194F3FE8D8',1,1767610800000,'DECLARED',NULL,4,5,1767611436000);
INSERT INTO "punches" VALUES(11,11,3,1,X'7822EB2A95BAD765',1,0,'WAITING','no_time',2,NULL,1767611436000);
INSERT INTO "punches" VALUES(12,10,4,2,X'7822EB2A95BAD765',2,1767611436000,'DECLARED',NULL,2,7,1767611436000);
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697855000);
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
INSERT INTO "receipts" VALUES(13,1,10,5,6,0,0,1767611436000);
INSERT INTO "receipts" VALUES(14,11,1,2,2,5,0,1767611436000);
INSERT INTO "receipts" VALUES(15,11,2,3,6,0,0,1767611436000);
INSERT INTO "receipts" VALUES(16,10,3,3,6,0,0,1767697836000);
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611453000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697855000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697856000);
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
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611453000);
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
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611436000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2C00000150000013887822EB2A95BAD765000000000000000000000000000000002CDB038A5C41F9223167BA935C2A6CCE',1,1767611436000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611436000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611436000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611436000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611436000);
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697855000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697855000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697855000);
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
INSERT INTO "sessions" VALUES(1,X'F781942CAEF3593A058A01E990609D83023D80BB5ACCEDE349433F9DB91960A3',1,1767697855000,1767697855000,1767741055000,1767697856000,1);
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
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'01C56C357A717AE0D9EA007F9332F7DD826F366D831B71A0F2A7AD6164FCB6953418384ACAB2A93B4088F89895F09BC1474BB859FEA273855D13C843E30BF290D6230336CB20C07B34A1F36692383B839D8529C0B3059C9A3D70A5A373',X'011829DFAF3DBB92C8A4ADCDEF858ADE07AFC04F39763464444DA493A0692AE6CFE9F4AF3E18EBC4E45FD8B0E76825884825010D22F2C613929C9D70A1',9,1767697855000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697855000);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'01BA3DBD2C324EA93CE79B6C9E48FADB8CE17344A2A82F721FF61D113C318AF14344D5893BEDA4D56855868CF651CD218E4E1C18D8714A97390337E655',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL);
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
INSERT INTO "workers" VALUES(1,'W-001',X'016A6CFCA7C026F2549EBAA54072FE6ADA49B8EE683B91FDBCA5897BB2D3CA23E603CA2EDADE6F','niss',X'016011973887F31454777585A041B66A9B4C73CBE21C499FC693318A6DF75BD7D17A1045ADD9FC0B',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'0171414DAFF15E9E2BA61E5F4E1C211A3D6438F186ED6DA879D1FFCF492D9A0382A4B7B5FA133DB9409AE311201A','niss',X'012BDAA3C68B90FE2FAE50AEA4AF0FC3E542E509FEC25D53966D0E73AD737E82DD0FD6A15630CE47',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'01FE8B53A6E98E7EF98E181C7D963C9F3C9DBDF4BC6BEC35CDA0522FB70A218B7188F9648AD0','limosa',X'01A2D139618763FD4BFB894D2335F26DA2E0FB0F15E91FC38AFF4424FAC0F0A5438AE8FB22013731FAD2D5689096',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'0108004733729C7631014DA0562193B779B52EF2BACA20D313B6E1AF5435C72FA348E36AB0F485','niss',X'010E02D872F6892000C027AD1AC71CDFD7D40E29EF9A846191914BCEC8BE6AF1E529032B886F4D59',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
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
CREATE UNIQUE INDEX uq_badges_in_use ON badges (site_id, token) WHERE until_ms IS NULL;
CREATE INDEX ix_badges_worker_id ON badges (worker_id);
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
CREATE INDEX ix_badges_site_id_worker_id ON badges (site_id, worker_id);
COMMIT;
