<?php
/**
 * Plugin Name:  Indelible
 * Description:  Every change of this WordPress arrives in its audit log: who changed what, when, provably.
 * Version:      0.1.0
 * Requires PHP: 8.1
 * Requires at least: 6.1
 * Network:      true
 * License:      GPL-2.0-or-later
 * Text Domain:  indelible
 *
 * Put this file and the directory `indelible` into `wp-content/mu-plugins`: what is there is always on, cannot be
 * switched off in the browser, and is loaded before the plugins whose work it records.
 */

declare( strict_types=1 );

namespace Indelible;

defined( 'ABSPATH' ) || exit;

if ( PHP_VERSION_ID < 80100 || ! extension_loaded( 'mbstring' ) ) {
	error_log( 'Indelible needs PHP 8.1 or later with mbstring; nothing is logged.' );
	return;
}

// Indelible\Coverage\Posts is in indelible/coverage/posts.php, NetworkOptions in network-options.php.
spl_autoload_register(
	static function ( string $name ): void {
		if ( ! str_starts_with( $name, __NAMESPACE__ . '\\' ) ) {
			return;
		}
		$path = preg_replace( '/(?<=[a-z])(?=[A-Z])/', '-', substr( $name, strlen( __NAMESPACE__ ) + 1 ) );
		$file = __DIR__ . '/indelible/' . strtolower( strtr( $path, '\\', '/' ) ) . '.php';
		if ( is_file( $file ) ) {
			require_once $file;
		}
	}
);

Plugin::start();
