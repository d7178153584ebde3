<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** Metadata of posts, terms, users and comments. */
final class Meta {
	public static function change( string $of, int $id, array $before, array $wanted ): void {
		foreach ( array_keys( $before + $wanted ) as $key ) {
			$key = (string) $key;
			if ( ! array_key_exists( $key, $wanted ) ) {
				delete_metadata( $of, $id, wp_slash( $key ) );
			} elseif ( ! array_key_exists( $key, $before ) || ! Places::same( $before[ $key ], $wanted[ $key ] ) ) {
				self::write( $of, $id, $key, $wanted[ $key ] );
			}
		}
	}

	private static function write( string $of, int $id, string $key, mixed $value ): void {
		$rows = self::rows( $of, $id, $key );
		foreach ( $rows as $row ) {
			self::check_stored( $row );
		}
		if ( self::are_several( $of, $id, $key, $value, $rows ) ) {
			delete_metadata( $of, $id, wp_slash( $key ) );
			foreach ( $value as $one ) {
				add_metadata( $of, $id, wp_slash( $key ), wp_slash( $one ) );
			}
			return;
		}
		if ( count( $rows ) > 1 ) {
			delete_metadata( $of, $id, wp_slash( $key ) );
		}
		update_metadata( $of, $id, wp_slash( $key ), wp_slash( $value ) );
	}

	/** Entries tell several values of a key, and one value that is a list, alike. */
	private static function are_several( string $of, int $id, string $key, mixed $value, array $rows ): bool {
		if ( ! is_array( $value ) || ! $value || ! array_is_list( $value ) ) {
			return false;
		}
		$subtype    = get_object_subtype( $of, $id );
		$registered = ( get_registered_meta_keys( $of, $subtype ) + get_registered_meta_keys( $of ) )[ $key ]['single'] ?? null;
		if ( null !== $registered ) {
			return ! $registered;
		}
		if ( count( $rows ) > 1 || 1 === count( $value ) ) {
			return count( $rows ) > 1; // One value alone is told as it is, so a list of one is a list.
		}
		if ( 1 === count( $rows ) && is_serialized( $rows[0] ) || array_filter( $value, static fn ( mixed $one ): bool => ! is_string( $one ) ) ) {
			return false;
		}
		throw new Impossible( "whether the metadata `$key` had several values or one that is a list cannot be told from its entry" );
	}

	/** @return string[] */
	private static function rows( string $of, int $id, string $key ): array {
		global $wpdb;
		$table  = _get_meta_table( $of );
		$column = "{$of}_id";
		return array_map( 'strval', (array) $wpdb->get_col( $wpdb->prepare( "SELECT meta_value FROM $table WHERE $column = %d AND meta_key = %s", $id, $key ) ) );
	}

	/** What holds objects would come back as something else. */
	public static function check_stored( ?string $stored ): void {
		if ( null !== $stored && is_serialized( $stored ) && preg_match( '/(^|[;{])[OCE]:\d+:"/', $stored ) ) {
			throw new Impossible( 'what is there now holds objects of PHP, of which the log has only the values' );
		}
	}
}
