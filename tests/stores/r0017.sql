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
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$PMR03Uq+rWYXAKFVJoRTzw$wMgiyONb8XlZvPPcz1xZJaoIOlfpC/kWJsCMqovVnj4',1,X'01923160585FB196BADE3C40831968D8B8179FD03DB6944549C8CF947421DEFA94CBB61F4B7D2F535CD5AE4E0FBDB787F612BD31F2B230689274EE3603',58000000,1767697853000,1767697853000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$FD7wHrWuT4mG3P4ByqLT4w$CIP+h7pUgypt43KMuVdae6yCKZ5pwLG/nBQoogE1N70',1,NULL,NULL,1767697853000,NULL,1767697854000);
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
INSERT INTO "acts" VALUES(15,1767611453000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'EE5BA4E6216A18AD5C59C940B834B7626723B9175535643098CC9BA8825615B8');
INSERT INTO "acts" VALUES(16,1767697853000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'8280EF426C04B0B35977CA8979DCE61FDDA17BBA14430789F987C3D7E3B1A7E9');
INSERT INTO "acts" VALUES(17,1767697853000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'9F22EA76CB3970B0B343770F77545C655A066DB1BACF704D38CD92B5791C2CFC');
INSERT INTO "acts" VALUES(18,1767697853000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'9E5E8C537296F78BD8D9C695D2C2FDEEE1ABDEEDA285DDDC9A51E9D45340FE63');
INSERT INTO "acts" VALUES(19,1767697854000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'F05C4ABD31FE736F0371C377D7D04E3AD134B9B6625241957600E26C10F43164');
INSERT INTO "acts" VALUES(20,1767697853000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'287C7922D965C7E7B1AD3DC740BC7FD4BC3CB6C8646F7F2912B18C04DBC6C8A5');
INSERT INTO "acts" VALUES(21,1767697853000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'ECC1B1C56A834880FCEA1F21CF8C1D5489C06102EB6E9BEBE1904FD9C85B1DD6');
INSERT INTO "acts" VALUES(22,1767697853000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'00D8C34780B9997B9FEC893B9B2DB26B6F2186311CF5C4A80C28A8482F0494D3');
INSERT INTO "acts" VALUES(23,1767697853000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'BFA551AD4A670734A2AA8443A1D3769650C52DCFC312C1ED293AA6AB5832F59C');
INSERT INTO "acts" VALUES(24,1767697854000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'4432588C758AA310F9AA52CA13D52EEB4CD55801870617C3DD707806AAAD0386');
INSERT INTO "acts" VALUES(25,1767697853000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'338FFA1DC2A9A26352089498DC7F1E5A3185CF8564E630303758A703561C5CB7');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0017_accounts');
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
INSERT INTO "api_tokens" VALUES(1,'planner',X'B5C02A61BD1EE7800842D60EF8BA4C2377685F974DEF0C16B401AD3E37001413','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611436000,1799147436000,1767611438000,1767611437000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'8ADD60A1672BECF77E940EBA747EE1D238E4C48B0B25CEEF55425C31FE2D0CF4','["planning:read"]','operator',1767611436000,1799147436000,NULL,NULL,'{"sites": [1], "employers": [1]}');
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
INSERT INTO "attempts" VALUES(1,1,'af76fdcbcded3e07',X'94347891AEF7F090482E5639B9D478BC',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'af76fdcbcded3e07',X'94347891AEF7F090482E5639B9D478BC',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'af76fdcbcded3e07',X'94347891AEF7F090482E5639B9D478BC',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'a3d63a43e0058b68',X'1640EFEC8AF538662F5C216CBC02B997',1767611407000,1767611414000,'registered');
INSERT INTO "attempts" VALUES(5,5,'0427c17caa2bd383',X'36C7B0FB22F89801E002EBC84CD33732',1767611430000,1767611434000,'refused');
INSERT INTO "attempts" VALUES(6,7,'e581e1be966685da',X'DE06BBA6CD1BFE5275DDC95B0CDC0711',1767611440000,1767611447000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'cbb7a387b97e2a4b',X'DE06BBA6CD1BFE5275DDC95B0CDC0711',1767611448000,1767611451000,'registered');
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
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697853000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
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
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01E947E816966F3578A4BC1D5E17380577119D64638473A747DD38EDE97831692C4F34E8E113B74E8941CC20CA2B6A1EEDC8F26BE55DA2476C088C0CD2',10,2,1,3,X'0183D8FAE6525577E3B312D2EA61C8BA73B6AA061083BF0B0DC3EFC15CE74D1B3B5DD313A1A2F22858C03390C5C0A871F6E559237D74016FF4EE22242E36906798F16EB1ADF4AC9DE8F38AD327B178DEB318D138B5B93F780029601956',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01859047416CEC16F2BD9826F495E065F0230A0795C2B0528030288F2E61C9233FB610B13E53646764F2224BE827132F16C300254E6A78E0F1701AB0BD',3,1,0,3,X'018A5C7FE747BF8872E593C92908FE6ECA8B5C411C7A978340D2F5C61D37C2B811377F973A4DA886F07CAB741CF5F1A9F9A367F816946E370FD058CB741C66A157E83567E6CCF41F64120E645B1409B536C630C97B982A71220ABC0BE8',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'01F6E203F731D9043684AB231A36C2765B7923E488D320A3A6C666A94404F542CFB7091F15D4C115E9B7ECBD9796C4A4D3E91EE33454E87FFC000258D8',3,1,0,3,X'013A015E7E871FA37F58D0B5FEF2726259DCA2D6CFE885977A1B3D150B',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01AC46BC2C611CA996E3F09E0CFCF1A9C770083A822D14E04D5B37E1174EDB50816277A46767C082089D9A88CE6DBE24B0D381396BBC1FF783137AFE2C',2,1,0,2,X'01B493D93FB91C958FF23DCE4711075C85E2D817B0AA483FEFC59B6615AA44CC6BBBECE7F1A5CE32CC6AFC7030EB4DA90361C125ED63D4654D050B71BE486E1D69E69F452CA1CE93B10593AE566D81EAA6184F34F2955AF091E4633639',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01E329953CC6C84ED733BFCB08D6ED0651C788E7E09F211291AFE7A6947D0CC445474D9083645B4304EEF2891095B9C9D3C22A85E2564980AF35BF548D',2,1,0,2,X'01CA59F49786936FEE8BE2E0160ABC0ACAC3796D08043ED333F7AF99DF6B8171F734FB6404FB38D5FF90D8C4F6E5D32592014D1FD8F1B132CCDB73F88E35F162D87D659A4B387ED41A29524C83801558E9DCF0A44CDD0DFE75DDD1140B',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0145514DE7AA80DB22302548DBB85005E09996EB7EA69009E426EED7D570C995ADDAA0F2A11330D7DF503BEA77FE571A324274D604CC72DD9F55CF4FA9',2,1,0,2,X'0172505AF6F3BC726FC70F82976EC12148D6032C3558AB27012BB11FD569C08DF2743A62FD77767E1492ED068D124E620456DB1EBF9FB53A3A2CADF68C4BDC30C4CFCCCE636A469D36CB11571632273C96E6206C95F55CBF914202D4A1',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'017936FE0576109CF6082CF3D1BD9C57614A72478C45D724E42ACD2F7EF7341F54DC34FE75118A2DC42BAA925E71F9F9B6CEA9EA14328D0EBCE495BC88',3,1,0,3,X'0182E86AF5099DE4BE69FA98471CD3C7D46D0CAC775AFA6611E71A80CB332D0C50034B315D990B0551E12DE2A60F4B474C117759A3E1C7173E8F2512C1D31A045CE4A20D593AA9FE7DE301DE5A428E969D31D6B48A35E59DC4FBBEF08B',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0153A040421F4BEB53E87CF96B2A26E2D86E2E1D6F6E038C490A1DA5AF03B4C27056B5EBD4E2C5D2135001026581343106A7D5A2771276FDB2FD3F8975',2,1,0,2,X'0148E87CC7B904088E29E5040A99B8534FB6D8409C0A8A73C012CFFB68F4C68923BDB2F3C3DEAB12533872E1E083E9287D28BEA18C6056B7244BD3ED3B8014746CB273470C8BE6BBA77C7B4312559F206D145AE789D780D5BCAF310E79',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01A48F7A98D59F0672508FD15757DB7DE8CDA8334CA3724196B7E22DCEB5190BE4438D7BF24CA22DCC482E1122504930BA77D8E261F2B27D090483E11A',2,1,0,2,X'0131AAEEFAF2180B182CF3E4C61DC068693740B52B5A7B7E170639653C15C9CD42E5ABC2BD96569E66F6BBC27961E541A0F0395BF496ADC0523F529F1D08E221663DFE0D1CEB87DC2331827A955E59BCC7861FB166256F2F5CACB7124E',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01F51A35DA1D6E0613CD54FD2B9A170AEA65BC9214DCB9C9A53F00AC3A7749339BE735A4DEEE18B53BB3A4C24A6AD9F2DAEEF179AD8355180D5E4D76BD',5,1,0,5,X'012FC5A2AB7F74508DD2353858DABAF32968F496E5162294E3E23C25948229BE925D7580C3C460003D055110B14D3C76778A4F28569E4152A4B2CB764D0C2738B9D7CB366046129E000C3F3E27A390FA837439FF54FAB739B7CB339341',X'2CDB038A5C41F9223167BA935C2A6CCE',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0140B6C39E1F8764AF6A814983F6A42FD088F694AE0C949CBFEF975580BD1A2DFEE3D9B9AB7B66C4DBEE4E480AF76D54567E06EE9401EEE16B209E5E30',4,1,0,4,X'01EA8C6C40CF6F74C1A911A5E878004213A56E47701ED795F11518D360D47024F68DA453B45219BC986D0FE6E532BAE2507703D939FFF6CCB80BB27A74AE525F0981C29E85C24C11C90BC93924315F96BBF2342391AE82466D51456983',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611436000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0146C990BC5FDFA5101697A15228B0BB6B49D5F26AE14A90781F50348C0CF744D0B32D32D726BD48212F67CEBC310454D53A01C01B0D162B70AC021287',3,1,0,3,X'010553DDDF16E8E2791D3BBD9E9F0E6475BBEDEF0E1C19F952FEB7DF17D47A99BB05F7468B5828C1E1F780C5C9D352ADC0772D15F6AA44035C6834F48D56EB72E2F00E6EB68BD8148CAAD13E71E2C2A3C9E1F68C6417749C182A2720F4',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697853000,1,1);
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
	CONSTRAINT fk_corrections_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_corrections_replacement_id FOREIGN KEY(replacement_id) REFERENCES presences (id), 
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
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-0c238283ce24 of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-4b8542146feb: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
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
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-fad728a58281: correct by operator: it was another worker',1,1767611419000,1767611419000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-fad728a58281 was cancelled (PLANNING) for operator: it was another worker',1,1767611429000,1767611429000,'BC20260105-fad728a58281',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-635582fe17c1: refused with code 5',1,1767611434000,1767611434000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-0c238283ce24: kept by operator: the worker was there',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-1cd06e725b92: for a person: no_authority',1,1767697836000,1767697836000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-561e84829379: correct by operator: it was another way',1,1767611436000,1767611436000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611447000,1767611447000,'day+movement',1767611451000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611451000,1767611451000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-4b8542146feb: seen to, says operator: Limosa is right now',1,1767611453000,1767611453000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-d921cfa8f1fa: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697853000,1767697853000,'BC20260105-d921cfa8f1fa',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697854000,1767697854000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697853000,1767697853000,NULL,NULL);
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
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697853000,1767697853000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697853000,1767697853000,1767697854000,'answered: its letter came');
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
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697853000);
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
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference)
);
INSERT INTO "presences" VALUES(1,'BC20260105-fad728a58281',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611429000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(2,'BC20260105-0c238283ce24',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611436000,NULL);
INSERT INTO "presences" VALUES(3,'BC20260105-4b8542146feb',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611453000);
INSERT INTO "presences" VALUES(4,'BC20260105-d921cfa8f1fa',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654619000,1767611403000,1767611407000,NULL,1767611414000,1767611419000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(5,'BC20260105-635582fe17c1',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611429000,1767611430000,NULL,NULL,1767611434000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611429000,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(6,'BC20260105-1cd06e725b92',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611436000,NULL,NULL,NULL,1767697836000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "presences" VALUES(7,'BC20260105-561e84829379',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611453000,1767611436000,1767611448000,NULL,1767611451000,NULL,'movement',1767611436000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611436000,NULL,NULL,NULL);
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
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697853000);
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
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611451000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697853000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697854000);
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
INSERT INTO "records" VALUES(10,3,X'010300010000000300010000695B9C0B00000150000013887822EB2A95BAD765000000000000000000000000000000006AB54D14906E661A615639DB87976077',1,1767611436000);
INSERT INTO "records" VALUES(10,4,X'010300020000000400010000695B9C2C00000150000013887822EB2A95BAD765000000000000000000000000000000002CDB038A5C41F9223167BA935C2A6CCE',1,1767611436000);
INSERT INTO "records" VALUES(11,0,X'010100000000000000000000695B99B000000150000013880102030405060708000000000000000094A7D4AA412496FB741605823E7C79CCA12CF23F99EFF3B4',1,1767611436000);
INSERT INTO "records" VALUES(11,1,X'010200000000000100010000695B99B000000150000013880000000000000000000000000000000001000000000000002E7B5AEF35AFA70EF4F4172379246832',1,1767611436000);
INSERT INTO "records" VALUES(11,2,X'010300010000000200010000695B99B00000015000001388B758A5194F3FE8D80000000000000000000000000000000007E0CD78D5AD47A37AD0E9808384D060',1,1767611436000);
INSERT INTO "records" VALUES(11,3,X'0103000100000003000100000000000000000150000013887822EB2A95BAD76500000000000000000000000000000000960B1CE5DAA473F820A09926162B162D',1,1767611436000);
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697853000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697853000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697853000);
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
INSERT INTO "sessions" VALUES(1,X'CCB56DAEAFF89C1AB0B511CC115BFC42E6C0057CDEBA4D76AE744D1EDBD8C1F4',1,1767697853000,1767697853000,1767741053000,1767697854000,1);
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
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'017941F1885497870DB0A234991A835553A782CE340EAFC683D3DB21B3B3CF56644E3B2631DE2C171D92C4795E897E2B5D55DF0561D7E49C7BC1B7819CA13E7928BEE9E8B9A33A3013371DE8398447248074EA317534A7A42D78928444',X'011629EF7D9CE3035EA50A1D1B1262EA1C50E07B2A02AA3E023852DFAE01E72468459C5B6FD6009F86402FEAC1247307EF7E3F30411E483455D927A9DC',9,1767697853000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697853000);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'0181AEEF2132BFB14B21F1BDBAF5C39BB1B4181B077AAF69D23926C5D5E2147EA0DB0264580D16184425992651473FD4232C604AF878D6D23FBCB18190',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL);
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
INSERT INTO "workers" VALUES(1,'W-001',X'019896008186872B000F6DF2B285B80372BE5AE0CD8997D2AED5506D5A598750A977B11532CDDB','niss',X'01E78794520F36C113C8A8F34695305EB14F990C80A2D56155FA6DA6543E9E42F0845F5B4FBBA977',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'013F430F87C93405D2D4062A78667F6D39F071CE6952F7D5943C3B77663B41BC5EC48AA1B26EE5044CFD8178868A','niss',X'019B364C1F84519972A6168F9D5F7219716933F768D5DFAA384FF659FF70B04F81A062F6194E8EB5',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'013116E522B6B3AFB5A039EBFB504639EBCBD0C7B014270E2CA6571B74FAEBB8FF183BA02DBC','limosa',X'012470849F5B7029B7F7267062FC53FF17F6A887829DD99D2143FEF2D5513EE30CF7C64114E5416BD803C6601D96',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'017C9F27E844B7CB31023CF6B94F31DC40E615A92C0D25A5A5F8DF2790406D2860A95F7130E378','niss',X'0107ACA873FA0B514977B10A03E12FF87C26E78D8EDA8660377B4E33BD6A3ADFE639BEB4845DF125',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
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
COMMIT;
