<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Files of plugins and themes that are edited in the browser. */
final class Files extends Watcher {
	private const CONTENT_MAX = 262_144;

	public function hook(): void {
		Hooks::add( 'wp_ajax_edit-theme-plugin-file', fn () => $this->touch_posted() );
	}

	/** The same places that WordPress derives from the same fields; what it refuses is not changed and so not told. */
	private function touch_posted(): void {
		$file = wp_unslash( $_POST['file'] ?? '' );
		if ( ! is_string( $file ) || 0 !== validate_file( $file ) ) {
			return;
		}
		$theme = wp_unslash( $_POST['theme'] ?? '' );
		$this->touch( is_string( $theme ) && '' !== $theme && 0 === validate_file( $theme ) ? "themes/$theme/$file" : "plugins/$file" );
	}

	public function state( string $id ): ?array {
		[ $kind, $rest ] = explode( '/', $id, 2 );
		$path            = ( 'themes' === $kind ? get_theme_root() : WP_PLUGIN_DIR ) . "/$rest";
		if ( ! is_file( $path ) ) {
			return null;
		}
		clearstatcache( true, $path );
		$bytes = (int) filesize( $path );
		return array(
			'bytes'   => $bytes,
			'sha256'  => hash_file( 'sha256', $path ),
			'content' => $bytes <= self::CONTENT_MAX ? Value::utf8( (string) file_get_contents( $path ) ) : null,
		);
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		return array( new Change( 'editor.' . self::verb( $before, $after ), 'file', $id, basename( $id ), $before, $after, blog: is_multisite() ? 0 : null ) );
	}
}
