<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Value;

/** What is in the option of a theme's settings: the custom background, the custom header, and single settings. */
final class ThemeMods {
	/** What is told as a thing of its own, and how the names of its settings begin. */
	public const PARTS = array( 'custom_background' => 'background_', 'custom_header' => 'header_' );

	/** @return Change[] */
	public static function changes( string $theme, array $before, array $after ): array {
		$changes = array();
		foreach ( array_keys( self::PARTS ) as $type ) {
			$old = self::part( $before, $type );
			$new = self::part( $after, $type );
			if ( ! Value::same( $old, $new ) ) {
				$verb      = null === $old ? 'created' : ( null === $new ? 'deleted' : 'updated' );
				$changes[] = new Change( "settings.$verb", $type, $theme, wp_get_theme( $theme )->get( 'Name' ) ? wp_get_theme( $theme )->get( 'Name' ) : $theme, $old, $new );
			}
		}
		foreach ( array_keys( $before + $after ) as $key ) {
			$is_told = ! preg_match( '/^(background_|header_|sidebars_widgets$)/', (string) $key ) && 0 !== $key;
			$old     = array_key_exists( $key, $before ) ? array( 'value' => $before[ $key ] ) : null;
			$new     = array_key_exists( $key, $after ) ? array( 'value' => $after[ $key ] ) : null;
			if ( $is_told && ! Value::same( $old, $new ) ) {
				// As Stream's records are named: an option, and one of its keys.
				$changes[] = Options::change( 'option', "theme_mods_{$theme}[$key]", $old, $new );
			}
		}
		return $changes;
	}

	/** What is set to nothing is not there: so WordPress removes a colour, and an image of the header. */
	public static function part( array $mods, string $type ): ?array {
		$prefix = self::PARTS[ $type ];
		$found = array_filter( $mods, static fn ( $value, $key ): bool => str_starts_with( (string) $key, $prefix ) && ! in_array( $value, array( '', 'remove-header' ), true ), ARRAY_FILTER_USE_BOTH );
		return $found ? $found : null;
	}
}
