<?php
/**
 * When the plugin is deleted where it was installed as an ordinary one. The log is on the server and stays as it is; what
 * has not got there stays here, for whoever installs the plugin again.
 */

declare( strict_types=1 );

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

( static function (): void {
	global $wpdb;
	wp_clear_scheduled_hook( 'indelible_ship' );
	if ( class_exists( 'Indelible\Plugin', false ) ) {
		return; // It is also there as a must-use plugin, which goes on.
	}
	$prefix     = $wpdb->base_prefix . 'indelible_';
	$suppressed = $wpdb->suppress_errors( true );
	$waiting    = $wpdb->get_var( "SELECT COUNT(*) FROM {$prefix}outbox WHERE state IN (1, 3)" );
	foreach ( '0' === $waiting ? array( 'outbox', 'log', 'open', 'opened', 'order' ) : array() as $table ) {
		$wpdb->query( "DROP TABLE IF EXISTS {$prefix}$table" );
	}
	$wpdb->suppress_errors( $suppressed );
} )();
