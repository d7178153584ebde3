<?php
/**
 * The WordPress under test: a custom post type and taxonomy, a setting, the forms of the classic screens, and a header
 * that leaves the plugin out, so that both can be measured in one run.
 */
defined( 'ABSPATH' ) || exit;

if ( ! isset( $_SERVER['HTTP_X_LAB_WITHOUT'] ) ) {
	require getenv( 'LAB_PLUGIN' );
}

add_filter( 'use_block_editor_for_post_type', '__return_false' );
add_filter( 'use_widgets_block_editor', '__return_false' );
add_filter( 'pre_http_request', fn( $answer, $args, $url ) => str_starts_with( $url, 'http://127.0.0.1' ) ? $answer : new WP_Error( 'lab', 'no network' ), 10, 3 );
add_filter( 'automatic_updater_disabled', '__return_true' );
add_filter( 'pre_wp_mail', '__return_true' );
add_filter( 'comment_flood_filter', '__return_false' );
add_filter( 'wp_is_application_passwords_available', '__return_true' );
add_action(
	'init',
	function () {
		register_post_type( 'book', array( 'public' => true, 'show_in_rest' => true, 'label' => 'Books', 'supports' => array( 'title', 'editor', 'custom-fields' ) ) );
		register_taxonomy( 'genre', array( 'book', 'post' ), array( 'public' => true, 'show_in_rest' => true, 'label' => 'Genres' ) );
		register_setting( 'general', 'lab_motto', array( 'type' => 'string', 'show_in_rest' => true ) );
	}
);
add_action( 'admin_init', fn() => add_settings_field( 'lab_motto', 'Motto', fn() => printf( '<input name="lab_motto" value="%s">', esc_attr( get_option( 'lab_motto', '' ) ) ), 'general' ) );
add_action( 'lab_tick', fn( $number ) => update_option( 'lab_tick', $number ) );
// Keeps everything from being written into the tables of the plugin.
isset( $_SERVER['HTTP_X_LAB_SWALLOW'] ) && add_filter( 'query', fn( $sql ) => preg_match( '/^(INSERT|UPDATE).*indelible_/s', $sql ) ? 'SELECT 1' : $sql );
add_action( 'admin_post_lab_forget', fn() => delete_option( 'lab_motto' ) );

// What the tests ask of WordPress from within, in their own words; it answers JSON.
add_action(
	'wp_loaded',
	function () {
		$script = $_SERVER['HTTP_X_LAB_RUN'] ?? '';
		if ( '' !== $script && preg_match( '/^[a-z_]+$/', $script ) ) {
			$answer = require __DIR__ . "/../../rogue/$script.php";
			header( 'Content-Type: application/json' );
			echo wp_json_encode( $answer );
			exit;
		}
	}
);
