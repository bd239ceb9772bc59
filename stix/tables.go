package stix

// The tables of the standard's types. How a line reads is said at specs and
// props.

const commonTable = `type:str! spec_version:str id:str! created_by_ref:ref>identity created:time! modified:time! revoked:bool!
	labels:str[] confidence:int=0..100 lang:lang external_references:extref[] object_marking_refs:markings
	granular_markings:granular extensions:ext defanged:bool`

const typeTable = `
attack-pattern 4.1 sdo name:str! description:str aliases:str[] kill_chain_phases:kill[]
campaign 4.2 sdo name:str! description:str aliases:str[] first_seen:time last_seen:time objective:str
course-of-action 4.3 sdo name:str! description:str action:reserved
grouping 4.4 sdo name:str description:str context:str?~grouping-context-ov object_refs:ref[]?
identity 4.5 sdo name:str! description:str roles:str[] identity_class:str~identity-class-ov sectors:str[]~industry-sector-ov contact_information:str
incident 4.6 sdo name:str! description:str
indicator 4.7 sdo name:str description:str indicator_types:str[]~indicator-type-ov pattern:str! pattern_type:str?~pattern-type-ov pattern_version:str valid_from:time? valid_until:time kill_chain_phases:kill[]
infrastructure 4.8 sdo name:str! description:str infrastructure_types:str[]~infrastructure-type-ov aliases:str[] kill_chain_phases:kill[] first_seen:time last_seen:time
intrusion-set 4.9 sdo name:str! description:str aliases:str[] first_seen:time last_seen:time goals:str[] resource_level:str~attack-resource-level-ov primary_motivation:str~attack-motivation-ov secondary_motivations:str[]~attack-motivation-ov
location 4.10 sdo name:str description:str latitude:float=-90..90 longitude:float=-180..180 precision:float region:str~region-ov country:str administrative_area:str city:str street_address:str postal_code:str
malware 4.11 sdo name:str description:str malware_types:str[]~malware-type-ov is_family:bool aliases:str[] kill_chain_phases:kill[] first_seen:time last_seen:time operating_system_refs:ref[]>software architecture_execution_envs:str[]~processor-architecture-ov implementation_languages:str[]~implementation-language-ov capabilities:str[]~malware-capabilities-ov sample_refs:ref[]>file|artifact
malware-analysis 4.12 sdo product:str? version:str host_vm_ref:ref>software operating_system_ref:ref>software installed_software_refs:ref[]>software configuration_version:str modules:str[] analysis_engine_version:str analysis_definition_version:str submitted:time analysis_started:time analysis_ended:time result_name:str result:str~malware-result-ov analysis_sco_refs:ref[]>SCO sample_ref:ref>file|network-traffic|artifact
note 4.13 sdo abstract:str content:str! authors:str[] object_refs:ref[]?
observed-data 4.14 sdo first_observed:time? last_observed:time? number_observed:int?=1..999999999 objects:dict object_refs:ref[]>SCO|SRO
opinion 4.15 sdo explanation:str authors:str[] opinion:str!~opinion-enum object_refs:ref[]?
report 4.16 sdo name:str! description:str report_types:str[]~report-type-ov published:time? object_refs:ref[]?
threat-actor 4.17 sdo name:str! description:str threat_actor_types:str[]~threat-actor-type-ov aliases:str[] first_seen:time last_seen:time roles:str[]~threat-actor-role-ov goals:str[] sophistication:str~threat-actor-sophistication-ov resource_level:str~attack-resource-level-ov primary_motivation:str~attack-motivation-ov secondary_motivations:str[]~attack-motivation-ov personal_motivations:str[]~attack-motivation-ov
tool 4.18 sdo name:str! description:str tool_types:str[]~tool-type-ov aliases:str[] kill_chain_phases:kill[] tool_version:str
vulnerability 4.19 sdo name:str! description:str
relationship 5.1 sro relationship_type:str! description:str source_ref:ref!>SDO|SCO target_ref:ref!>SDO|SCO start_time:time stop_time:time
sighting 5.2 sro description:str first_seen:time last_seen:time count:int=0..999999999 sighting_of_ref:ref!>SDO observed_data_refs:ref[]>observed-data where_sighted_refs:ref[]>identity|location summary:bool
artifact 6.1 sco mime_type:str payload_bin:bin url:str hashes:hashes encryption_algorithm:str~encryption-algorithm-enum decryption_key:str
autonomous-system 6.2 sco number:int!=0..4294967295 name:str rir:str
directory 6.3 sco path:str! path_enc:str ctime:time mtime:time atime:time contains_refs:ref[]>file|directory
domain-name 6.4 sco value:str! resolves_to_refs:ref[]>ipv4-addr|ipv6-addr|domain-name
email-addr 6.5 sco value:str! display_name:str belongs_to_ref:ref>user-account
email-message 6.6 sco is_multipart:bool? date:time content_type:str from_ref:ref>email-addr sender_ref:ref>email-addr to_refs:ref[]>email-addr cc_refs:ref[]>email-addr bcc_refs:ref[]>email-addr message_id:str subject:str received_lines:str[] additional_header_fields:listdict body:str body_multipart:.email-mime-part[] raw_email_ref:ref>artifact
file 6.7 sco hashes:hashes size:int=0..9007199254740991 name:str name_enc:str magic_number_hex:hex mime_type:str ctime:time mtime:time atime:time parent_directory_ref:ref>directory contains_refs:ref[]>SCO content_ref:ref>artifact
ipv4-addr 6.8 sco value:str! resolves_to_refs:ref[]>mac-addr belongs_to_refs:ref[]>autonomous-system
ipv6-addr 6.9 sco value:str! resolves_to_refs:ref[]>mac-addr belongs_to_refs:ref[]>autonomous-system
mac-addr 6.10 sco value:str!
mutex 6.11 sco name:str!
network-traffic 6.12 sco start:time end:time is_active:bool src_ref:ref>ipv4-addr|ipv6-addr|mac-addr|domain-name dst_ref:ref>ipv4-addr|ipv6-addr|mac-addr|domain-name src_port:int=0..65535 dst_port:int=0..65535 protocols:str[]? src_byte_count:int=0..9007199254740991 dst_byte_count:int=0..9007199254740991 src_packets:int=0..9007199254740991 dst_packets:int=0..9007199254740991 ipfix:scalardict src_payload_ref:ref>artifact dst_payload_ref:ref>artifact encapsulates_refs:ref[]>network-traffic encapsulated_by_ref:ref>network-traffic
process 6.13 sco is_hidden:bool pid:int created_time:time cwd:str command_line:str environment_variables:strdict opened_connection_refs:ref[]>network-traffic creator_user_ref:ref>user-account image_ref:ref>file parent_ref:ref>process child_refs:ref[]>process
software 6.14 sco name:str! cpe:str swid:str languages:lang[] vendor:str version:str
url 6.15 sco value:str!
user-account 6.16 sco user_id:str credential:str account_login:str account_type:str~account-type-ov display_name:str is_service_account:bool is_privileged:bool can_escalate_privs:bool is_disabled:bool account_created:time account_expires:time credential_last_changed:time account_first_login:time account_last_login:time
windows-registry-key 6.17 sco key:str values:.windows-registry-value[] modified_time:time creator_user_ref:ref>user-account number_of_subkeys:int
x509-certificate 6.18 sco is_self_signed:bool hashes:hashes version:str serial_number:str signature_algorithm:str issuer:str validity_not_before:time validity_not_after:time subject:str subject_public_key_algorithm:str subject_public_key_modulus:str subject_public_key_exponent:int x509_v3_extensions:.x509-v3-extensions
language-content 7.1 meta object_ref:ref! object_modified:time contents:dict!
marking-definition 7.2.1 meta name:str definition_type:str definition:obj
extension-definition 7.3 meta name:str! description:str schema:str? version:str? extension_types:str[]?~extension-type-enum extension_properties:str[]
`

const partTable = `
email-mime-part 6.6.2 part body:str body_raw_ref:ref>artifact|file content_type:str content_disposition:str
archive-ext 6.7.2 part contains_refs:ref[]?>file|directory comment:str
alternate-data-stream 6.7.3 part name:str? hashes:hashes size:int=0..9007199254740991
ntfs-ext+ 6.7.3 part sid:str alternate_data_streams:.alternate-data-stream[]
pdf-ext+ 6.7.4 part version:str is_optimized:bool document_info_dict:strdict pdfid0:str pdfid1:str
raster-image-ext+ 6.7.5 part image_height:int image_width:int bits_per_pixel:int exif_tags:scalardict
windows-pe-optional-header+ 6.7.6 part magic_hex:hex major_linker_version:int minor_linker_version:int size_of_code:int=0..9007199254740991 size_of_initialized_data:int=0..9007199254740991 size_of_uninitialized_data:int=0..9007199254740991 address_of_entry_point:int base_of_code:int base_of_data:int image_base:int section_alignment:int file_alignment:int major_os_version:int minor_os_version:int major_image_version:int minor_image_version:int major_subsystem_version:int minor_subsystem_version:int win32_version_value_hex:hex size_of_image:int=0..9007199254740991 size_of_headers:int=0..9007199254740991 checksum_hex:hex subsystem_hex:hex dll_characteristics_hex:hex size_of_stack_reserve:int=0..9007199254740991 size_of_stack_commit:int=0..9007199254740991 size_of_heap_reserve:int=0..9007199254740991 size_of_heap_commit:int=0..9007199254740991 loader_flags_hex:hex number_of_rva_and_sizes:int hashes:hashes
windows-pe-section 6.7.6 part name:str? size:int=0..9007199254740991 entropy:float hashes:hashes
windows-pebinary-ext++ 6.7.6 part pe_type:str?~windows-pebinary-type-ov imphash:str machine_hex:hex number_of_sections:int=0..9007199254740991 time_date_stamp:time pointer_to_symbol_table_hex:hex number_of_symbols:int=0..9007199254740991 size_of_optional_header:int=0..9007199254740991 characteristics_hex:hex file_header_hashes:hashes optional_header:.windows-pe-optional-header sections:.windows-pe-section[]
http-request-ext 6.12.2 part request_method:str? request_value:str? request_version:str request_header:listdict message_body_length:int message_body_data_ref:ref>artifact
icmp-ext 6.12.3 part icmp_type_hex:hex? icmp_code_hex:hex?
socket-ext 6.12.4 part address_family:str?~network-socket-address-family-enum is_blocking:bool is_listening:bool options:numdict socket_type:str~network-socket-type-enum socket_descriptor:int=0..9007199254740991 socket_handle:int
tcp-ext+ 6.12.5 part src_flags_hex:hex dst_flags_hex:hex
windows-process-ext+ 6.13.2 part aslr_enabled:bool dep_enabled:bool priority:str owner_sid:str windows_title:str window_title:str startup_info:dict integrity_level:str~windows-integrity-level-enum
windows-service-ext+ 6.13.3 part service_name:str descriptions:str[] display_name:str group_name:str start_type:str~windows-service-start-type-enum service_dll_refs:ref[]>file service_type:str~windows-service-type-enum service_status:str~windows-service-status-enum
unix-account-ext+ 6.16.2 part gid:int groups:str[] home_dir:str shell:str
windows-registry-value+ 6.17.2 part name:str data:str data_type:str~windows-registry-datatype-enum
x509-v3-extensions+ 6.18.2 part basic_constraints:str name_constraints:str policy_constraints:str key_usage:str extended_key_usage:str subject_key_identifier:str authority_key_identifier:str subject_alternative_name:str issuer_alternative_name:str subject_directory_attributes:str crl_distribution_points:str inhibit_any_policy:str private_key_usage_period_not_before:time private_key_usage_period_not_after:time certificate_policies:str policy_mappings:str
`

// extensionHost names the type that each predefined extension belongs to.
var extensionHost = map[string]string{
	"archive-ext": "file", "ntfs-ext": "file", "pdf-ext": "file", "raster-image-ext": "file", "windows-pebinary-ext": "file",
	"http-request-ext": "network-traffic", "icmp-ext": "network-traffic", "socket-ext": "network-traffic", "tcp-ext": "network-traffic",
	"windows-process-ext": "process", "windows-service-ext": "process", "unix-account-ext": "user-account",
}
