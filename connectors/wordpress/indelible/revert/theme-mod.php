<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Options;
use Indelible\Value;
use Indelible\Watcher;

/** One setting of a theme: `theme_mods_THEME[KEY]`. */
final class ThemeMod extends Subject {
	protected function watcher(): Watcher {
		return self::watched_by( Options::class );
	}

	public function touch( bool $is_new ): void {
		$this->watcher()->touch( 'theme_mods_' . $this->name()[0] );
	}

	/** @return array{string, string} Theme and key. */
	private function name(): array {
		preg_match( '/^theme_mods_(.+?)\[(.+)\]$/', $this->order->id, $found );
		return array( $found[1], $found[2] );
	}

	public function state(): ?array {
		[ $theme, $key ] = $this->name();
		$mods            = (array) ( $this->watcher()->state( "theme_mods_$theme" )['value'] ?? array() );
		return array_key_exists( $key, $mods ) ? array( 'value' => $mods[ $key ] ) : null;
	}

	public function change( array $before, array $wanted ): void {
		[ $theme, $key ] = $this->name();
		if ( Value::is_secret( $key ) ) {
			throw new Impossible( 'it is a secret, which the log does not have' );
		}
		self::write( $theme, array_key_exists( 'value', $wanted ) ? array( $key => $wanted['value'] ) : array(), array( $key ) );
	}

	public function make( array $wanted ): void {
		$this->change( array(), $wanted );
	}

	/** @param string[] $keys What goes, unless it is put. */
	public static function write( string $theme, array $put, array $keys ): void {
		global $wpdb;
		if ( ! wp_get_theme( $theme )->exists() ) {
			throw new Impossible( "the theme `$theme` is not installed any more" );
		}
		$name = "theme_mods_$theme";
		Meta::check_stored( $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM $wpdb->options WHERE option_name = %s", $name ) ) );
		update_option( $name, $put + array_diff_key( (array) get_option( $name, array() ), array_flip( $keys ) ) );
	}
}
