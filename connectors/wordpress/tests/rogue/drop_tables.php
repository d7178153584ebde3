<?php
global $wpdb;
update_option( 'blogname', 'after the tables were dropped' );
return array( $wpdb->query( "DROP TABLE {$wpdb->base_prefix}indelible_outbox" ), $wpdb->query( "DROP TABLE {$wpdb->base_prefix}indelible_log" ) );
