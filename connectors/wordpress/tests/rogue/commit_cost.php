<?php
// What one durable write of this database takes, in milliseconds: the floor of what an outbox in it can cost.
global $wpdb;
$wpdb->query( 'CREATE TABLE IF NOT EXISTS lab_scratch (id int auto_increment primary key, text longtext) ENGINE=InnoDB' );
$lab_times = array();
for ( $lab_round = 0; $lab_round < 31; ++$lab_round ) {
	$lab_began = hrtime( true );
	$wpdb->query( $wpdb->prepare( 'INSERT INTO lab_scratch (text) VALUES (%s)', str_repeat( 'x', 2000 ) ) );
	$lab_times[] = ( hrtime( true ) - $lab_began ) / 1e6;
}
sort( $lab_times );
return $lab_times[15];
