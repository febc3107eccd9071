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
INSERT INTO "accounts" VALUES(1,'otto','operator','{"sites": [1], "employers": [1]}','$argon2id$v=19$m=65536,t=3,p=4$UXsCpnNAG+WD7KqeV1La1A$7MenfvP746fhiYshkq3h5KqZ25gYgDmgfVoRJbakSM8',1,X'011E7E080B7AF50EBD5495D808FCFF6B955B2370A69ADA6D20C908DF74F8DEDCF9769454A0778FB42CC98A57DB22479A6460C071D825FCD5A60E5A7546',58000000,1767697852000,1767697852000,NULL);
INSERT INTO "accounts" VALUES(2,'ada','administrator',NULL,'$argon2id$v=19$m=65536,t=3,p=4$mE9GpRxtAVusnch5aMtXXg$lBeP4wu34qMsGYsymq4gw2zMgirDnN9YAhPv6+NhJeQ',1,NULL,NULL,1767697852000,NULL,1767697853000);
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
INSERT INTO "acts" VALUES(15,1767611452000,'operator','attention_settled','presence 3','Limosa is right now','{}',X'42A11E7F831B30FEC4F5CE7AC8645C7F47E3DC6066A5BED3117A53CFC584E749');
INSERT INTO "acts" VALUES(16,1767697852000,'operator','correction_filed','presence 4','found on the next day','{"correction": 1, "kind": "correct", "before": {"state": "VALIDATED", "worker": 1, "site": 2, "way": "in"}, "after": {"worker": 1, "site": 2, "way": "out"}}',X'B5AD56B56597E3DF437D6F57F6F6CD1511DB1AEDA196F5D58D26C3F6C30B0C68');
INSERT INTO "acts" VALUES(17,1767697852000,'operator','correction_filed','clock 12','found on the next day','{"correction": 2, "kind": "declare", "seq": 2, "after": {"worker": 3, "site": 1, "way": ""}}',X'678A2DCE9750F19B80686151E2083759C3A4CEAA7E181E2B390B34ABBA5AC9E4');
INSERT INTO "acts" VALUES(18,1767697852000,'operator','correction_written','corrections','for the tests','{"corrections": [1, 2]}',X'B6CCC64A669DF8E52805C42A99CBD07EB2E5D16266B92A2A40B750EF3ECC9869');
INSERT INTO "acts" VALUES(19,1767697853000,'operator','correction_done','punch 13','its letter came','{"correction": 2}',X'D3FCB41E0F3A9078480B634082A04E9CE372911D7FDB0D43D682778D190FE861');
INSERT INTO "acts" VALUES(20,1767697852000,'operator','plan_put','site 1','for the tests','{"day": "2027-01-01", "added": 1, "changed": 0, "removed": 0}',X'8C4E57BA3ACB29E35650AFE66BDE609958AAA1F18503DEDA714BBD2E6AF5C1F8');
INSERT INTO "acts" VALUES(21,1767697852000,'operator','badge_issued','worker 2','','{"badge": 11, "clock": "clock-0001"}',X'70A348C70F9B7AC0BA856AFE778A541A60C9C4A9B02BFB04416D274EC0C4AE53');
INSERT INTO "acts" VALUES(22,1767697852000,'operator','account_made','account 1','for the tests','{"name": "otto", "role": "operator", "reach": {"sites": ["Quay 7"], "employers": ["0438195916"]}}',X'962AFB37CC7F74208073C1C12D9285872E4D2B6D15253FEADB70D14EA4646899');
INSERT INTO "acts" VALUES(23,1767697852000,'operator','account_made','account 2','for the tests','{"name": "ada", "role": "administrator"}',X'3F6EDAA44756E8BF7E1D3183A74A1C15CEC407D2A0811479B6BA7A75F17F95AA');
INSERT INTO "acts" VALUES(24,1767697853000,'operator','account_ended','account 2','for the tests','{"name": "ada"}',X'02AC2B1A56F6A65A4D34B41F5A6C17029250C74E5A56167B7A7108582D9A85F8');
INSERT INTO "acts" VALUES(25,1767697852000,'operator','account_changed','account 1','for the tests','{"name": "otto", "changed": ["codes"]}',X'95180AFA6A192A5EE877DB95EE32B7A1A99E022F136B72B8221DE90530D17164');
INSERT INTO "acts" VALUES(26,1767697852000,'operator','presence_registered','presence 8','the gate had no power','{"day": "2026-01-06", "worker": 4, "site": 1}',X'93E39AF75CD9843E3DDB1C48607F9644E71F88474EF24887205A4646DCD552A2');
INSERT INTO "acts" VALUES(27,1767697852000,'operator','registration_planned','registration 1','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1}',X'B2EEA23A9FA51B6F8F3C70E243C19BB8BAEF3127CFA20600FBF8179F787CB0B3');
INSERT INTO "acts" VALUES(28,1767784252000,'operator','presence_registered','presence 9','the gate had no power','{"day": "2026-01-08", "worker": 4, "site": 1, "planned": 1}',X'778EC0B6BEE9F90A42AE9708C1F2A8C5AD498DA3B2EDE421641757631800D2F6');
INSERT INTO "acts" VALUES(29,1767697852000,'operator','link_made','site 1','for the tests','{"link": 1, "kind": "inspector", "ends_ms": 1767784252000}',X'903722A28864B11165E44598EAAD3599AF8B4DD9E38D75FC3FAB2569ADE3DFE9');
INSERT INTO "acts" VALUES(30,1767697854000,'operator','link_revoked','site 1','for the tests','{"link": 1}',X'D17027339F8BB9AB0AD93755EC13C31BFFF256428DE8B58B47649A7D50002CAD');
INSERT INTO "acts" VALUES(31,1767697852000,'operator','link_made','worker 1','for the tests','{"link": 2, "kind": "worker", "ends_ms": 1767784252000}',X'1C14C1A222875F46719213C5BB58E8AC4822D7092C23F6395AF174513D7330C2');
INSERT INTO "acts" VALUES(32,1767697854000,'operator','link_revoked','worker 1','for the tests','{"link": 2}',X'05D5B405343EE81C6EDD3EABE318EDB51614D4EA33A29932AE71C3BBC50C5B45');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0021_holders');
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
INSERT INTO "api_tokens" VALUES(1,'planner',X'F2C55EFAFAD856DB09A4438BE1723D0CD6BB5AF2408839403141CC39357E1291','["planning:read", "planning:write", "presences:read", "status:read"]','operator',1767611435000,1799147435000,1767611437000,1767611436000,NULL);
INSERT INTO "api_tokens" VALUES(2,'planner',X'9977271964D83D832B867B5B93CDC8C3009A79153CF44C242DCDF57A02BBC76B','["planning:read"]','operator',1767611435000,1799147435000,NULL,NULL,'{"sites": [1], "employers": [1]}');
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
INSERT INTO "attempts" VALUES(1,1,'6bebaef098543c08',X'630CD8D18C18C6066C54D4D0D2A0EDA3',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(2,2,'6bebaef098543c08',X'630CD8D18C18C6066C54D4D0D2A0EDA3',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(3,3,'6bebaef098543c08',X'630CD8D18C18C6066C54D4D0D2A0EDA3',1767610804000,1767610811000,'ambiguous');
INSERT INTO "attempts" VALUES(4,4,'981d8b4ada2e1d22',X'7F7873CBDCB2E342CEA78B50FB74E046',1767611407000,1767611414000,'registered');
INSERT INTO "attempts" VALUES(5,5,'e1877b93376dd1fd',X'CEEF2341F3DC99B828428DC3A4D6732C',1767611430000,1767611434000,'refused');
INSERT INTO "attempts" VALUES(6,7,'f01febcbc8a8029a',X'3AFB16C0E1966F315864DA4B9802F626',1767611439000,1767611446000,'unavailable');
INSERT INTO "attempts" VALUES(7,7,'f283bff97dd7d289',X'3AFB16C0E1966F315864DA4B9802F626',1767611447000,1767611450000,'registered');
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
INSERT INTO "badges" VALUES(11,1,X'44F03A989D5BFFAD',2,1767697852000,NULL,NULL,2,X'6973737565202031',X'9718A523122424C5',X'7B32FC5AF5EF5837');
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
INSERT INTO "clocks" VALUES(1,'clock-0001',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0155D6AFFF5FBD07A38EF87A322C78062A4AA99AB923660FAB4842DD069BD50F32BCC84DA558798A0E9B48B33934FF94A2ED5AF4145864FCE7B7BCBC4B',10,2,1,3,X'01D5D938FFDCE67C3E6F5F58CC788594206A21131C6F3CF06FA0CF640C77F89496D11A94B52020B0252A79CE79FECC97CCE4BA16C649AF9FE9919A3936A2443B40522C93EBE788E9E3F85092C052CC58BAB63DDC9646B50D91A7A92AD2',X'B87F3097EBF4A0E46BDEC813A0B238B9',X'01020304050607088535B1EAED980733',NULL,0,X'0000000100000001',X'73657373696F6E31',1,1,'{"boot": 0, "connection": 1, "session": null, "head": 0, "tail": 0, "tag": "b625a655db6be81a79d579ccfa520da2", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767610800000,10,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 0, "started_ms": [], "torn_ms": []}',1767610800000,1,1);
INSERT INTO "clocks" VALUES(2,'clock-0002',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'0155D6EC6D58DFAC07E5C6B25E03E120E09CE9EB2379F40595B9C38EB872EAE8B5987D01861AFC123D6F4CB0E035E00F71FAEA1C22544606D13066D54A',3,1,0,3,X'01C5DA05D60CB99D9119485FB9CA879B5E5AAA70B4CA95A8D7E8120CA826B7B21DB3533EB15C1B707CF8EB63707B3608E2CFE4884CA7B9B5B1A661A59687AFCB27D7596E99FA376A9E0036DE624A721B5741ADD2D2AC5FEF33924DB902',X'E1805B1A42EAFA56E7BA7AFB184EE160',X'010203040506070894F18BFC2F87D029',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,'equivocation',1767611400000,1,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(3,'clock-0003',1,'RETIRED','0000000000000000000000000000000000000000000000000000000000000000',X'01C9A0D877C968D488408CB3468063EA8247ED1B6E049539B378185DA38062451910E43175630E7F784350DACFFE8B46C3550A8A8DB5411CC4DC239409',3,1,0,3,X'01CA210DFF554B32CE50B85A03002BAB74D3EBF3F238C37859F12FF32E',X'A40D74E939FC4BE257C25F256DA1231D',X'0102030405060708DB8F158B84CF5C65',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(4,'clock-0004',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0191E4186E61374940F86C18B6CBB7654D8F770D87D8C89CEE6F43CDA043BEA0A7E749F01F0D6114C45B3665116EF92C94DA4C19DAC23B1130727FBE07',2,1,0,2,X'013344CF52DDA4A70C1A02E9BCCC53EB4C0A125589F7069BAC62BB96311972C23E1593FEB2CD3C4C0CE1B9A1C72BDEE01A7DB5853200395E43B8CB9D6B97B82ABA4982E8F999F43085CD6B86A48A215C89C9C690877EAB90ECC0BFB5A6',X'03F2C37C9F874E04283287C9306F0605',X'0102030405060708ED9092C420F3EDAF',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,2,1,1767611400000,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(5,'clock-0005',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01AF95C528870B8BE17BBFF9D36608E676BC1946E608C664A09E53DDE2B99DC3BF7E8DDFCCF1A6D0A168C8DD28DE1A07560D95D01B2A337BB921A0CD31',2,1,0,2,X'01FDCAB68AC8BA1AA1E32CB0495B473593988015BFEA5AEFE561A75DF1C4A9A370D1C1E5B3436EC2B312F5CCE53A110BD1FCC132011DAD63E687000A1A8E01EAA31284C7C705B49246D98067EE689DB2CA13942914BCB8895A415B18EC',X'2CAA4041EBD9CC614628B26D7B8F5D7A',X'01020304050607080C1022A7FE8FCB90',2,1,X'0001000100000001',X'73657373696F6E35',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 9, "tail": 1, "tag": "00000000000000000000000000000000", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,1,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(6,'clock-0006',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'018A2744DFB661CBDDDC16744C84DD53740D14464EEE972C08DA6112797547B82D8D3C5A407A45929F52CF5F1F6582E512F5A90FA7AB36E9E2585E3AF2',2,1,0,2,X'01CA103A32912729FD608B6397036D436589DE5FF3A1B80A7B61006F013CC4648087CA309E24D0B2639902EF200D5FDD17F536002A2A685AFDF7C42AD654F9D328F595656C080DFABA6338B204BF530B7CBB6D9049DE12D065713CED28',X'FE2E38D6892B533D9FF24A5C4EB3223C',X'01020304050607085888F48C0AE3B2C4',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,0,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,1,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611400000,1,1);
INSERT INTO "clocks" VALUES(7,'clock-0007',1,'QUARANTINED','0000000000000000000000000000000000000000000000000000000000000000',X'01CD2A74C78785BC05573EB29A75910448EFE3E60128F80061BDAF5EE9B9551A29414B237EE61D2C1B52C2B5D8C38480BFC78A9D5320D8889EE436E9BE',3,1,0,3,X'012C9F52E64D648239081AAAE20229F158434852D20865212DA93CEA9C8A9B9C924E759C1DDEA47183140E9C987375ED54B79D8BD24E69ED4AEE1409AB71AC33B351D78E693CC3505AC9BAD4B7FFFB7364A33F1B4F6F71580AF1AF2510',X'493FD291850A354DB11228F571B70795',X'010203040506070859565D0EB4D61818',NULL,0,X'0001000100000001',X'73657373696F6E37',1,1,'{"boot": 2, "connection": 1, "session": null, "head": 1, "tail": 0, "tag": "e990a99c3cd46a50ffa5c9ab16e5afd3", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611400000,1,4163,NULL,0,NULL,'rollback',1767611400000,0,0,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 2, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(8,'clock-0008',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01615C94E25361839859BFA31F5CB2DD069CAB2C9B4A49C30C04AAEB13B63F9A46862B7365D2DC56F734E7F9041096AC9087D50D56B8A63D0948B1D687',2,1,0,2,X'01F6825142447A9AEED8FB28492D90A3B5121A8B492DF3A8DECD74918DC6B28F55F84DFCE125658802E087F10D4C7B41F8E7335B9557CA38B5B796316ACE63482CE3C597430A7F8A6CFFAA4424A3A78ABFEB1C9160816F530DF093C9EE',X'D4019AD37F541434D68C66DA3FC5D555',X'0102030405060708913A272CFE16096F',NULL,0,X'0001000100000002',X'73657373696F6E38',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "d4019ad37f541434d68c66da3fc5d555", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": null, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": null, "reader_resets": null, "tears": null, "heartbeat_s": null, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": [1, 4], "settings": 0, "settings_refused": [1, "settings.json: volume must be a whole number from 0 to 1"], "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,8326,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,1,6,1767611403000,1,1,'{"volume": 2}',0,1,'{"reasons": [{"mark": "unhealthy", "cause": "time", "detail": "its time may be off by more than 2 s", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611400000,1,1);
INSERT INTO "clocks" VALUES(9,'clock-0009',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01E079F51A592F612D34DAFE82F8BA4D5124A18F759E419393A29283BE55EBB3C80826803CF493B5E630C7BFE1223BD90A6D647BF37840A9BC629D9AC3',2,1,0,2,X'0147A4C7C16D12AD9259DD01316321A788EDA20422B99B337F07FD451D334F4DD52D20658A65C4048D50F977A2578F35B11A55699201AB76C7174C6487971FB70BFC4BE58B1C6B0EAF491DD04819F184DAF3EECDF10DEEE64D32A940C1',X'07162ED40A0F5B3BF48805FE2427D03F',X'01020304050607082404A790FFCB6470',NULL,0,X'0001000100000001',X'73657373696F6E39',1,1,'{"boot": 1, "connection": 1, "session": null, "head": 2, "tail": 0, "tag": "07162ed40a0f5b3bf48805fe2427d03f", "free": 1000, "capacity": 2000, "sealed": true, "receipt": 0, "firmware": "0000000000000000", "utc_ms": 1767610800000, "source": 1, "bound_ms": 20, "uptime_ms": 5000, "heap_free": 60000, "reset": 1, "reader": "92", "rejected": 0, "retired": false, "wear": null, "reader_fault": "no-irq", "reader_resets": null, "tears": null, "heartbeat_s": 600, "cert_until": null, "temperature": null, "rssi": null, "case_open": null, "display_faults": null, "rtc_faults": null, "roster": null, "settings": null, "settings_refused": null, "receipts": null, "badges": 2, "desk": 2, "site_keys": 1}',1767611403000,0,4163,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,'{"reasons": [{"mark": "unhealthy", "cause": "reader", "detail": "its reader says no-irq", "severity": "warning", "since_ms": 1767611403000}], "boot": 1, "started_ms": [], "torn_ms": []}',1767611403000,1,1);
INSERT INTO "clocks" VALUES(10,'clock-0010',2,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'0196548D7D769115C3FEFC20861B3CDD08BBC9AD0568CA323EA1E70D1419942BB6B41C46D68C2CCA9EE7DF312887944BDB4624AB9E5BD3885FF2237D82',5,1,0,5,X'014367CD5A804CC72C91AB21B17E8EBFDAC8AD487C1221043379D9A6B368D43D440A83AD2E3487B5E1620CF90D5F0DDAC2437D2BBB32C46900682A4748314873502C4C23C447C72EA013B7BF870DB1BCB84379B0D58C919EEEF0160E86',X'582A39A3B344A42D365BA292C07583F3',X'01020304050607086584114A8BDF8652',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,4,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611403000,1,1);
INSERT INTO "clocks" VALUES(11,'clock-0011',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'01595EE8FE98023E879A5A315AA98A17E686D3829A8FA5DD19EFAAD44CF26B0E7DD189241D49B084018FC4F50A381F86AA1962122D59783BD7625C9D73',4,1,0,4,X'0108B6AE5C15765418C7C22C39728BC7C139F975B3EE6649F9B7D0F7DA1BF8DCA2AB7F6DDAD95CF38C1AA277D9BA53A69194D0AC669651B33E368A93B1CB589D1F8DAE069E53193CA248ADDFCAEF48F45A555E37C3F1409EB6CB2A30A4',X'960B1CE5DAA473F820A09926162B162D',X'010203040506070894A7D4AA412496FB',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767611435000,1,1);
INSERT INTO "clocks" VALUES(12,'clock-0012',1,'ACTIVE','0000000000000000000000000000000000000000000000000000000000000000',X'015339A87DE37E29EC96DA24411371E97B4C42868CD9C6C849AE842353C023ED52AB4866C5A1BBB8B0FCB2E80E12DFDA94E519159C545FD37640BEA88F',3,1,0,3,X'01B9AAE6B262E0180FD0216E8D2F9B37D91678E57929F882DDB29E8F9051C32DFDBD0165F5F17034C6A0899A2623260EAD931DE25EB5EBE3E81510B656B56631D2A4AA08EFBFED7E603E4C878410F607C045BB9455F07D40EF57670712',X'F643F91CFF0AECF0FABCC66CE3CEB0C0',X'0102030405060708C7659B6578E3DF1D',NULL,0,X'0000000000000000',NULL,0,1,NULL,NULL,2,0,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,1767697852000,1,1);
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
INSERT INTO "corrections" VALUES(2,7,'correct','PLANNING','it was another way','operator',2,1767611435000,1767611435000,'sent as corrected',7,'0438195916',2,'in');
INSERT INTO "corrections" VALUES(3,8,'register','','the gate had no power','operator',NULL,1767697852000,1767697852000,'queued without a punch',NULL,NULL,NULL,NULL);
INSERT INTO "corrections" VALUES(4,9,'register','','the gate had no power','operator',NULL,1767784252000,1767784252000,'queued without a punch',NULL,NULL,NULL,NULL);
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
INSERT INTO "events" VALUES(4,'warning','presence_assumed',NULL,NULL,'presence BC20260105-2aef7d714b3c of W-002 at Quay 7 is assumed: its punch may be the end of a shift of which there is no other; if it is, cancel it today',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(5,'warning','badge_unknown','clock-0001',NULL,'nobody was given the badge with the code 1D56, at Quay 7',1,1767610800000,1767610800000,NULL,NULL);
INSERT INTO "events" VALUES(6,'warning','answer_lost',NULL,NULL,'the answer to a registration was lost; asking before anything is sent again',1,1767610811000,1767610811000,NULL,NULL);
INSERT INTO "events" VALUES(7,'warning','presence_remarks',NULL,NULL,'presence BC20260105-b2bfbb034ff0: remarks: LIMOSA ID IS NOT KNOWN',1,1767610817000,1767610817000,NULL,NULL);
INSERT INTO "events" VALUES(8,'alarm','equivocation','clock-0002',2,'other bytes under the same number',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(9,'info','retirement_ordered','clock-0002',NULL,'ordered by operator: worn out',1,1767611400000,1767611400000,NULL,NULL);
INSERT INTO "events" VALUES(10,'info','clock_retired','clock-0003',NULL,'the clock wrote its last record and holds no key now; its certificate is good until it is revoked',1,1767611400000,1767611400000,NULL,NULL);
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
INSERT INTO "events" VALUES(26,'info','presence_corrected',NULL,NULL,'presence BC20260105-6e045985ea89: correct by operator: it was another worker',1,1767611419000,1767611419000,NULL,NULL);
INSERT INTO "events" VALUES(27,'info','presence_cancelled',NULL,NULL,'presence BC20260105-6e045985ea89 was cancelled (PLANNING) for operator: it was another worker',1,1767611429000,1767611429000,'BC20260105-6e045985ea89',NULL);
INSERT INTO "events" VALUES(28,'warning','presence_refused',NULL,NULL,'presence BC20260105-1655d3fb258c: refused with code 5',1,1767611434000,1767611434000,NULL,NULL);
INSERT INTO "events" VALUES(29,'info','presence_closed','clock-0001',5,'punch 5 is not declared, says operator: it was declared by hand',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(30,'info','worker_changed',NULL,NULL,'worker W-002 is engaged by 0438195916, says operator',2,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(31,'info','presence_kept',NULL,NULL,'presence BC20260105-2aef7d714b3c: kept by operator: the worker was there',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(32,'info','badge_assigned',NULL,NULL,'a badge was given to W-004',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(33,'warning','presence_waits','clock-0011',NULL,'a punch of W-002 waits: its clock had no time, at Quay 7',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(34,'warning','presence_waits',NULL,NULL,'presence BC20260105-de92014009c8: for a person: no_authority',1,1767697835000,1767697835000,NULL,NULL);
INSERT INTO "events" VALUES(35,'info','presence_corrected',NULL,NULL,'presence BC20260105-ea98b1db9004: correct by operator: it was another way',1,1767611435000,1767611435000,NULL,NULL);
INSERT INTO "events" VALUES(36,'warning','authority_away',NULL,NULL,'the authority does not answer; trying again',1,1767611446000,1767611446000,'day+movement',1767611450000);
INSERT INTO "events" VALUES(37,'info','authority_back',NULL,NULL,'it answers again',1,1767611450000,1767611450000,'day+movement',NULL);
INSERT INTO "events" VALUES(38,'info','attention_settled',NULL,NULL,'remarks of presence BC20260105-b2bfbb034ff0: seen to, says operator: Limosa is right now',1,1767611452000,1767611452000,NULL,NULL);
INSERT INTO "events" VALUES(39,'warning','presence_waits','clock-0012',NULL,'a punch of W-003 waits: it came too late to be declared, at Quay 7',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(40,'warning','correction_due',NULL,NULL,'presence BC20260105-3e849e681869: the authority is to correct it, says operator: found on the next day; correction 1, for the authority by 2026-02-04',1,1767697852000,1767697852000,'BC20260105-3e849e681869',NULL);
INSERT INTO "events" VALUES(41,'warning','correction_due','clock-0012',2,'punch 2: the authority is to register it, says operator: found on the next day; correction 2, for the authority by 2026-02-03',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(42,'info','correction_done',NULL,NULL,'correction 2 answered, says operator: its letter came',1,1767697853000,1767697853000,NULL,NULL);
INSERT INTO "events" VALUES(43,'info','badge_assigned',NULL,NULL,'a badge was given to W-002',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(44,'info','badge_issued',NULL,NULL,'badge 11 was issued to W-002 by operator at clock-0001',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(45,'info','site_key_changed',NULL,NULL,'operator began to change the key of the site Quay 7: 8 badges have two tokens meanwhile',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(46,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-06: queued by operator: the gate had no power',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(47,'info','presence_by_hand',NULL,NULL,'W-004 at Quay 7 on 2026-01-08: planned by operator: the gate had no power',1,1767697852000,1767697852000,NULL,NULL);
INSERT INTO "events" VALUES(48,'info','presence_by_hand',NULL,NULL,'presence BC20260108-6c2503b619b4 of W-004 at Quay 7, planned by operator: the gate had no power',1,1767784252000,1767784252000,NULL,NULL);
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
INSERT INTO "filings" VALUES(1,4,NULL,'correct',1,'0438195916',2,'out','2026-01-05','found on the next day','operator',1767697852000,1767697852000,NULL,NULL);
INSERT INTO "filings" VALUES(2,NULL,13,'declare',3,'',1,'','2026-01-04','found on the next day','operator',1767697852000,1767697852000,1767697853000,'answered: its letter came');
CREATE TABLE holder_marks (
	id INTEGER NOT NULL, 
	mark BIGINT NOT NULL, 
	CONSTRAINT pk_holder_marks PRIMARY KEY (id)
);
INSERT INTO "holder_marks" VALUES(1,-6344860237621313609);
CREATE TABLE later_registrations (
	id INTEGER NOT NULL, 
	worker_id INTEGER NOT NULL, 
	employer_kbo VARCHAR(10) NOT NULL, 
	site_id INTEGER NOT NULL, 
	day DATE NOT NULL, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	asked_ms BIGINT NOT NULL, 
	presence_id INTEGER, 
	ended_ms BIGINT, 
	outcome TEXT, 
	CONSTRAINT pk_later_registrations PRIMARY KEY (id), 
	CONSTRAINT fk_later_registrations_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT fk_later_registrations_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_later_registrations_presence_id FOREIGN KEY(presence_id) REFERENCES presences (id)
);
INSERT INTO "later_registrations" VALUES(1,4,'0438195916',1,'2026-01-08','the gate had no power','operator',1767697852000,9,1767784252000,'sent');
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
INSERT INTO "letters" VALUES(1,'467918e7bfdb4c5f9d214868f960d5b2','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-1655d3fb258c"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-de92014009c8"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697853000}',1767697853000,1767697913000,1,1767697853000,'sent');
INSERT INTO "letters" VALUES(2,'6fc1dca828c6444fa35a65ef5bcd28ba','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [{"kind": "waits", "site": "Quay 7", "clock": "clock-0002", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0002"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_quarantined", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "", "clock": "", "name": "founded_anew", "days": null, "number": 1, "items": ["event/14"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0001", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0001"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0005", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0005"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0007", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0007"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0008", "name": "clock_time", "days": null, "number": 1, "items": ["clock-0008"]}, {"kind": "waits", "site": "Quay 7", "clock": "clock-0009", "name": "clock_reader", "days": null, "number": 1, "items": ["clock-0009"]}, {"kind": "waits", "site": "", "clock": "", "name": "settings_refused", "days": null, "number": 1, "items": ["event/18"]}, {"kind": "refused", "site": "Quay 7", "clock": "", "name": "refused", "days": null, "number": 1, "items": ["BC20260105-1655d3fb258c"]}, {"kind": "waits", "site": "Quay 7", "clock": "", "name": "no_time", "days": null, "number": 1, "items": ["clock-0011/3"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "no_authority", "days": null, "number": 1, "items": ["BC20260105-de92014009c8"]}, {"kind": "waits", "site": "Hall 3", "clock": "", "name": "correction_due", "days": null, "number": 1, "items": ["correction/1"]}, {"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "over": [], "made_ms": 1767697853000}',1767697853000,1767697913000,1,NULL,NULL);
INSERT INTO "letters" VALUES(3,'d35820a07d704d27a16e7e48e0f5ae17','email','b81feef6c4a3e63e2ad6a50d','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697854000}',1767697854000,1767697914000,1,1767697854000,'sent');
INSERT INTO "letters" VALUES(4,'93b4cd4d48ef433aafb438da293002e9','webhook','5ab975865a05c9c21b9ef018','{"kind": "notices", "new": [], "over": [{"kind": "bridge", "site": "", "clock": "", "name": "broker", "days": null, "number": 1, "items": []}], "made_ms": 1767697854000}',1767697854000,1767697914000,1,NULL,NULL);
INSERT INTO "letters" VALUES(5,'736aa9b748e94c2988cb2ee07e05f7dd','email','b81feef6c4a3e63e2ad6a50d','{"kind": "summary", "new": [{"kind": "refused", "site": "", "clock": "", "name": "refused", "days": null, "number": 1, "items": []}], "over": [], "day": "2026-01-05", "made_ms": 1767697854000}',1767697854000,1767697854000,0,NULL,NULL);
CREATE TABLE links (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	secret_sha256 BLOB NOT NULL, 
	site_id INTEGER, 
	worker_id INTEGER, 
	made_by TEXT NOT NULL, 
	why TEXT NOT NULL, 
	made_ms BIGINT NOT NULL, 
	ends_ms BIGINT NOT NULL, 
	used_ms BIGINT, 
	revoked_ms BIGINT, 
	CONSTRAINT pk_links PRIMARY KEY (id), 
	CONSTRAINT fk_links_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT fk_links_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id), 
	CONSTRAINT uq_links_secret_sha256 UNIQUE (secret_sha256)
);
INSERT INTO "links" VALUES(1,'inspector',X'C1B5A72225FAB8C70DF7D27563DDD47FE65F3EA28CBB1B3276814CAA7A007C8F',1,NULL,'operator','for the tests',1767697852000,1767784252000,1767697853000,1767697854000);
INSERT INTO "links" VALUES(2,'worker',X'229515EBA7DD51E2FA8A76E47DB2B9A15F16FD0CA5915EE75B3812292D09F9D4',NULL,1,'operator','for the tests',1767697852000,1767784252000,1767697853000,1767697854000);
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
INSERT INTO "notices" VALUES(1,'waits','clock_quarantined/clock-0002','{"site": "Quay 7", "clock": "clock-0002", "item": "clock-0002", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(2,'waits','clock_quarantined/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_quarantined", "reason": "clock_quarantined", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(3,'waits','founded_anew/event/14','{"site": "", "clock": "", "item": "event/14", "name": "founded_anew", "reason": "founded_anew", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(4,'waits','clock_time/clock-0001','{"site": "Quay 7", "clock": "clock-0001", "item": "clock-0001", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(5,'waits','clock_time/clock-0005','{"site": "Quay 7", "clock": "clock-0005", "item": "clock-0005", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(6,'waits','clock_time/clock-0007','{"site": "Quay 7", "clock": "clock-0007", "item": "clock-0007", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(7,'waits','clock_time/clock-0008','{"site": "Quay 7", "clock": "clock-0008", "item": "clock-0008", "name": "clock_time", "reason": "clock_time", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(8,'waits','clock_reader/clock-0009','{"site": "Quay 7", "clock": "clock-0009", "item": "clock-0009", "name": "clock_reader", "reason": "clock_reader", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(9,'waits','settings_refused/event/18','{"site": "", "clock": "", "item": "event/18", "name": "settings_refused", "reason": "settings_refused", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(10,'refused','refused/BC20260105-1655d3fb258c','{"site": "Quay 7", "clock": "", "item": "BC20260105-1655d3fb258c", "name": "refused", "reason": "refused", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(11,'waits','no_time/clock-0011/3','{"site": "Quay 7", "clock": "", "item": "clock-0011/3", "name": "no_time", "reason": "no_time", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(12,'waits','no_authority/BC20260105-de92014009c8','{"site": "Hall 3", "clock": "", "item": "BC20260105-de92014009c8", "name": "no_authority", "reason": "no_authority", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(13,'waits','correction_due/correction/1','{"site": "Hall 3", "clock": "", "item": "correction/1", "name": "correction_due", "reason": "correction_due", "days": null, "number": 1}',1767697853000,NULL,NULL);
INSERT INTO "notices" VALUES(14,'bridge','bridge/broker','{"site": "", "clock": "", "item": "", "name": "broker", "reason": "", "days": null, "number": 1}',1767697853000,NULL,1767697854000);
INSERT INTO "notices" VALUES(15,'summary','summary/2026-01-05','{"site": "", "clock": "", "item": "", "name": "", "reason": "", "days": null, "number": 1}',1767697854000,1767784254000,NULL);
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
INSERT INTO "plans" VALUES(1,1,'2027-01-01',1767697852000);
CREATE TABLE presence_counts (
	id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_presence_counts PRIMARY KEY (id)
);
INSERT INTO "presence_counts" VALUES(1,'QUEUED',2);
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
	decided_ms BIGINT, assumed VARCHAR(16), kept_ms BIGINT, seen_ms BIGINT, manual BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_presences PRIMARY KEY (id), 
	CONSTRAINT fk_presences_site_id FOREIGN KEY(site_id) REFERENCES sites (id), 
	CONSTRAINT uq_presences_reference UNIQUE (reference), 
	CONSTRAINT fk_presences_worker_id FOREIGN KEY(worker_id) REFERENCES workers (id)
);
INSERT INTO "presences" VALUES(1,'BC20260105-6e045985ea89',1,'0438195916','1Y1TEST00001Z','2026-01-05',1,'CANCELLED',NULL,100000000001,0,NULL,'[]',1,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767611429000,'day',0,'',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(2,'BC20260105-2aef7d714b3c',2,'0438195916','1Y1TEST00001Z','2026-01-05',1,'VALIDATED',NULL,100000000002,0,NULL,'[]',0,0,1767654017000,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'8EDF3732A6A91BA3D388499E52273E1D',NULL,'no_in',1767611435000,NULL,0);
INSERT INTO "presences" VALUES(3,'BC20260105-b2bfbb034ff0',3,'','1Y1TEST00001Z','2026-01-05',1,'REMARKS',NULL,100000000003,0,NULL,'["LIMOSA ID IS NOT KNOWN"]',0,0,NULL,1767610800000,1767610804000,1767610811000,1767610817000,1767610817000,'day',0,'',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,NULL,1767611452000,0);
INSERT INTO "presences" VALUES(4,'BC20260105-3e849e681869',1,'0438195916','1Y1TEST00002Z','2026-01-05',2,'VALIDATED',NULL,100000000004,0,NULL,'[]',0,0,1767654619000,1767611403000,1767611407000,NULL,1767611414000,1767611419000,'movement',1767611403000,'in',X'DCAC679B52975AB23EFAF63546CD11DA',NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(5,'BC20260105-1655d3fb258c',4,'0438195916','1Y1TEST00001Z','2026-01-05',1,'REFUSED',NULL,NULL,5,'INVALID INSS','[]',1,0,NULL,1767611429000,1767611430000,NULL,NULL,1767611434000,'day',0,'',X'7DE917767002DF912B0C3D4D80E4CB59',1767611429000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(6,'BC20260105-de92014009c8',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'WAITING','no_authority',NULL,0,NULL,'[]',0,0,NULL,1767611435000,NULL,NULL,NULL,1767697835000,'movement',1767611403000,'in',NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(7,'BC20260105-ea98b1db9004',2,'0438195916','1Y1TEST00002Z','2026-01-05',2,'REGISTERED',NULL,100000000005,0,NULL,'[]',0,0,1767611452000,1767611435000,1767611447000,NULL,1767611450000,NULL,'movement',1767611435000,'in',X'8EDF3732A6A91BA3D388499E52273E1D',1767611435000,NULL,NULL,NULL,0);
INSERT INTO "presences" VALUES(8,'BC20260106-103c1c84ddff',4,'0438195916','1Y1TEST00001Z','2026-01-06',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767697852000,1767697852000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767697852000,NULL,NULL,NULL,1);
INSERT INTO "presences" VALUES(9,'BC20260108-6c2503b619b4',4,'0438195916','1Y1TEST00001Z','2026-01-08',1,'QUEUED',NULL,NULL,0,NULL,'[]',0,0,1767784252000,1767784252000,NULL,NULL,NULL,NULL,'day',0,'',NULL,1767784252000,NULL,NULL,NULL,1);
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
INSERT INTO "punches" VALUES(13,12,2,1,X'A7BE714731B02CDD',1,1767524400000,'CLOSED','late',3,NULL,1767697852000);
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
INSERT INTO "receipts" VALUES(17,10,4,4,1,1,100000000005,1767611450000);
INSERT INTO "receipts" VALUES(18,12,1,2,6,0,0,1767697852000);
INSERT INTO "receipts" VALUES(19,12,2,2,6,0,0,1767697853000);
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
INSERT INTO "receptions" VALUES(5,7,100000000005,1767611450000);
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
INSERT INTO "records" VALUES(12,0,X'010100000000000000000000695A4830000001500000138801020304050607080000000000000000C7659B6578E3DF1DEEFA78A38BAFB9DC5646D4EBC51B65AB',1,1767697852000);
INSERT INTO "records" VALUES(12,1,X'010200000000000100010000695A48300000015000001388000000000000000000000000000000000100000000000000F68E40F27DF82C597028CA6DB60BCDCB',1,1767697852000);
INSERT INTO "records" VALUES(12,2,X'010300010000000200010000695A48300000015000001388A7BE714731B02CDD00000000000000000000000000000000F643F91CFF0AECF0FABCC66CE3CEB0C0',1,1767697852000);
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
INSERT INTO "sessions" VALUES(1,X'488B6DF5F305D47850F7AD03C4824B4C45DCA63B82B2C03ED87B9D54CEEA7F7E',1,1767697852000,1767697852000,1767741052000,1767697853000,1);
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
INSERT INTO "sites" VALUES(1,'Quay 7','1Y1TEST00001Z','construction','Europe/Brussels',X'01B9A409F351FD6C1D1AC85B4C1A754141B7564D151DD7A55B0CD8681C02E28F9152D27C14D856EFE399F3A50908248D4E81960864EE284F495D2F9AAE7695C4043BB0477A2207CAE8BF62033B922EFEE1DC6511177D42D31108836B56',X'01C830650F03C79AA039BFA9E74019AA70B295B2EF49473D2BD48E49DF284BD07C17D50FC1300DB184D53ABD59EAB30B80B9F04428CFDF9E7DA79ED6E8',9,1767697852000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,2,1767697852000);
INSERT INTO "sites" VALUES(2,'Hall 3','1Y1TEST00002Z','cleaning','Europe/Brussels',X'01CE4C65A1FB9375EAB9F10DE3215E05B767515F1B49B4A3967625AF101489D9B619B267026B850816B588EE20B4CEA75565D24104A058668C52BBD3A1',NULL,3,1767611403000,NULL,NULL,NULL,NULL,NULL,NULL,12,NULL,1,NULL);
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
INSERT INTO "workers" VALUES(1,'W-001',X'014C92254F4B9B6AF96827FECE3FAD8609B250894724001BE13F526AD3906786852841099B7082','niss',X'01B02F0BB8097C8CC770005EED81AEB78559829192219564AF04DB6B7DEB8C2944A2932A485839DB',X'DCAC679B52975AB23EFAF63546CD11DA',1,'nl',0);
INSERT INTO "workers" VALUES(2,'W-002',X'015A11A4DD4859F7B3008664D678B102D4B867871148A731B4365D0A3B5ADADC45D7050AABC2B9CED03E0E5698B0','niss',X'0145E3C015332EE98A8656F8EFB2482699CA2A1EB41A3731DABF780EFCC1F3B682C0E67860B17112',X'8EDF3732A6A91BA3D388499E52273E1D',1,NULL,0);
INSERT INTO "workers" VALUES(3,'W-003',X'01A749F79F5893BEE4864B480EB4FB5C57E1B7CA5C2A6C7EDDEADF4C7933225018119AEA1158','limosa',X'0173D1DED9CA67F02E70ED3E8CEB65C83D6703BCD79024724D421288DEF8AF83D2653BD56285D776CBB9C61052F4',X'E2A60DE166D834FE209A35465A7332A0',NULL,NULL,0);
INSERT INTO "workers" VALUES(4,'W-004',X'01F8831AD3F1AB40D805FCCCA24E6B61D9146AFA8971DAC6441291B3F05551B5EE3EC7C6C82883','niss',X'01E3EE95DD91F893CAF400B5F65AB60AB38F8BB08EF420EE615CE89609ED1D0D90257A635A6A72D1',X'7DE917767002DF912B0C3D4D80E4CB59',1,NULL,0);
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
CREATE UNIQUE INDEX uq_corrections_open ON corrections (presence_id) WHERE done_ms IS NULL;
CREATE INDEX ix_corrections_presence_id ON corrections (presence_id);
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
CREATE UNIQUE INDEX uq_later_registrations_open ON later_registrations (day, worker_id, employer_kbo, site_id) WHERE ended_ms IS NULL;
CREATE INDEX ix_later_registrations_worker_id ON later_registrations (worker_id);
CREATE INDEX ix_later_registrations_presence_id ON later_registrations (presence_id);
CREATE INDEX ix_links_worker_id ON links (worker_id);
CREATE UNIQUE INDEX uq_notices_open ON notices ("key") WHERE over_ms IS NULL;
CREATE INDEX ix_notices_over_ms ON notices (over_ms);
CREATE INDEX ix_letters_open ON letters (due_ms) WHERE ended_ms IS NULL;
CREATE INDEX ix_letters_ended_ms ON letters (ended_ms);
CREATE TRIGGER badges_marked_update AFTER UPDATE ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER badges_marked_delete AFTER DELETE ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER badges_marked_insert AFTER INSERT ON badges BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_update AFTER UPDATE ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_delete AFTER DELETE ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER engagements_marked_insert AFTER INSERT ON engagements BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER workers_marked_update AFTER UPDATE ON workers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER workers_marked_delete AFTER DELETE ON workers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER employers_marked_update AFTER UPDATE ON employers BEGIN UPDATE holder_marks SET mark = random(); END;
CREATE TRIGGER employers_marked_delete AFTER DELETE ON employers BEGIN UPDATE holder_marks SET mark = random(); END;
COMMIT;
