<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Hooks;

/** Where the screens are within wp-admin. */
final class Menu {
	public static function start(): void {
		if ( ! is_admin() ) {
			return;
		}
		Hooks::show( 'admin_menu', array( self::class, 'pages' ) );
		Hooks::show( 'network_admin_menu', array( self::class, 'pages' ) );
		Hooks::show( 'add_meta_boxes', array( History::class, 'add_box' ) );
		Hooks::show( 'show_user_profile', array( History::class, 'of_user' ), PHP_INT_MAX );
		Hooks::show( 'edit_user_profile', array( History::class, 'of_user' ), PHP_INT_MAX );
		Hooks::show( 'admin_init', array( self::class, 'taxonomies' ) );
		Hooks::show( 'admin_post_indelible_revert', array( RevertScreen::class, 'submit' ) );
		Hooks::show( 'admin_post_indelible_connection', array( ConnectionScreen::class, 'submit' ) );
	}

	public static function pages(): void {
		$may   = Access::capability();
		$title = __( 'Activity', 'indelible' );
		add_menu_page( $title, $title, $may, 'indelible', array( Activity::class, 'show' ), 'dashicons-backup', 3 );
		add_submenu_page( 'indelible', $title, $title, $may, 'indelible', array( Activity::class, 'show' ) );
		$connection = __( 'Connection', 'indelible' );
		add_submenu_page( 'indelible', $connection, $connection, $may, 'indelible-connection', array( ConnectionScreen::class, 'show' ) );
		// In no menu: entries lead there.
		$screen = add_submenu_page( '', __( 'Revert', 'indelible' ), '', $may, 'indelible-revert', array( RevertScreen::class, 'show' ) );
		Hooks::show( "load-$screen", static fn () => $GLOBALS['title'] = __( 'Revert', 'indelible' ) );
	}

	public static function taxonomies(): void {
		foreach ( get_taxonomies( array( 'show_ui' => true ) ) as $taxonomy ) {
			Hooks::show( "{$taxonomy}_edit_form", array( History::class, 'of_term' ), PHP_INT_MAX );
		}
	}

	public static function url( string $page, array $more = array() ): string {
		return add_query_arg( array( 'page' => $page ) + array_map( 'rawurlencode', $more ), self_admin_url( 'admin.php' ) );
	}
}
