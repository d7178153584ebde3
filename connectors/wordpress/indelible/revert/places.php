<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** Places in states, as JSON pointers (RFC 6901) name them. */
final class Places {
	/** As deep as an entry may be. */
	private const DEPTH_MAX = 64;

	/** @return string[] The steps of a place. */
	public static function steps( string $place ): array {
		if ( ! str_starts_with( $place, '/' ) || substr_count( $place, '/' ) > self::DEPTH_MAX ) {
			throw new Impossible( "`$place` is not a place in a state" );
		}
		return array_map( static fn ( string $step ): string => strtr( $step, array( '~1' => '/', '~0' => '~' ) ), explode( '/', substr( $place, 1 ) ) );
	}

	/** What is there, in a list of one; an empty list where nothing is. */
	public static function find( mixed $state, string $place ): array {
		foreach ( self::steps( $place ) as $step ) {
			if ( ! is_array( $state ) || ! array_key_exists( $step, $state ) ) {
				return array();
			}
			$state = $state[ $step ];
		}
		return array( $state );
	}

	public static function put( array $state, string $place, mixed $value ): array {
		$at = &self::surroundings( $state, $place );
		$at = $value;
		return $state;
	}

	public static function drop( array $state, string $place ): array {
		$steps = self::steps( $place );
		$last  = array_pop( $steps );
		$at    = &$state;
		foreach ( $steps as $step ) {
			if ( ! is_array( $at[ $step ] ?? null ) ) {
				return $state;
			}
			$at = &$at[ $step ];
		}
		unset( $at[ $last ] );
		return $state;
	}

	/** The place itself, whose surroundings must be there. */
	private static function &surroundings( array &$state, string $place ): mixed {
		$steps = self::steps( $place );
		$last  = array_pop( $steps );
		$at    = &$state;
		foreach ( $steps as $step ) {
			if ( ! is_array( $at[ $step ] ?? null ) ) {
				throw new Impossible( "there is no place $place any more" );
			}
			$at = &$at[ $step ];
		}
		return $at[ $last ];
	}

	/** Whether two values are the same JSON; texts that hold JSON by what they hold. */
	public static function same( mixed $one, mixed $other ): bool {
		if ( is_array( $one ) && is_array( $other ) ) {
			$is_ordered = array_is_list( $one ) && array_is_list( $other );
			if ( count( $one ) !== count( $other ) || ! $is_ordered && array_diff_key( $one, $other ) ) {
				return false;
			}
			foreach ( $one as $key => $value ) {
				if ( ! array_key_exists( $key, $other ) || ! self::same( $value, $other[ $key ] ) ) {
					return false;
				}
			}
			return true;
		}
		if ( is_string( $one ) && is_string( $other ) && $one !== $other && preg_match( '/^[\[{]/', $one ) && preg_match( '/^[\[{]/', $other ) ) {
			[ $first, $second ] = array( json_decode( $one, true ), json_decode( $other, true ) );
			return null !== $first && null !== $second && self::same( $first, $second );
		}
		$are_numbers = ( is_int( $one ) || is_float( $one ) ) && ( is_int( $other ) || is_float( $other ) );
		return $are_numbers ? $one == $other : $one === $other;
	}
}
