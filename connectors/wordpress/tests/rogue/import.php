<?php
// What an importer does.
define( 'WP_IMPORTING', true );
do_action( 'import_start' );
$lab_made = array();
foreach ( array( 'One', 'Two', 'Three' ) as $lab_title ) {
	$lab_made[] = wp_insert_post( array( 'post_title' => $lab_title, 'post_status' => 'publish' ) );
}
do_action( 'import_end' );
return $lab_made;
