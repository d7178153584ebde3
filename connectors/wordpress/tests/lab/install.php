<?php
// Installs WordPress by its own functions; with the argument `network` it makes it a network with a second blog.
define( 'WP_INSTALLING', true );
$_SERVER += array( 'HTTP_HOST' => getenv( 'LAB_HOST' ), 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET' );
$step = $argv[1];
require getenv( 'LAB_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
if ( 'site' === $step ) {
	wp_install( 'Lab', 'admin', 'admin@example.com', true, '', 'lab-password' );
	update_option( 'siteurl', 'http://' . getenv( 'LAB_HOST' ) );
	update_option( 'home', 'http://' . getenv( 'LAB_HOST' ) );
	update_option( 'stylesheet', 'lab' );
	update_option( 'template', 'lab' );
	update_option( 'permalink_structure', '' );
} elseif ( 'network' === $step ) {
	foreach ( $wpdb->tables( 'ms_global' ) as $table => $prefixed ) {
		$wpdb->$table = $prefixed;
	}
	require_once ABSPATH . 'wp-admin/includes/network.php';
	install_network();
	populate_network( 1, getenv( 'LAB_HOST' ), 'admin@example.com', 'Lab network', '/', false );
} else {
	$id = wpmu_create_blog( getenv( 'LAB_HOST' ), '/second/', 'Second', 1, array( 'public' => 1, 'stylesheet' => 'lab', 'template' => 'lab' ) );
	is_wp_error( $id ) && exit( $id->get_error_message() );
	// WordPress takes the colon before the port out, and then does not find the blog.
	$wpdb->update( $wpdb->blogs, array( 'domain' => getenv( 'LAB_HOST' ) ), array( 'blog_id' => $id ) );
	clean_blog_cache( $id );
	switch_to_blog( $id );
	update_option( 'siteurl', 'http://' . getenv( 'LAB_HOST' ) . '/second' );
	update_option( 'home', 'http://' . getenv( 'LAB_HOST' ) . '/second' );
	update_option( 'stylesheet', 'lab' );
	update_option( 'template', 'lab' );
	restore_current_blog();
	update_site_option( 'allowedthemes', array( 'lab' => true, 'other' => true ) );
}
